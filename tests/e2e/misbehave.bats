#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Modules that go wrong, in each operation and in every way that programs/fault.c knows: the host
# says which module it was and where, stays right, leaves nothing in the kernel, and its exit
# status tells.

load lib

# build NAME [FLAG...]: the fault module under that name.
build() {
	cc -std=gnu11 -D_GNU_SOURCE -O1 -fPIC -shared -fvisibility=hidden -DNAME="\"$1\"" \
		-I"$here/../../sdk" -I"$here/../unit" -Wa,-I"$BUILD_DIR/tests/unit" "${@:2}" \
		"$here/programs/fault.c" "$here/programs/fault_lies.c" \
		-Wl,-z,defs -lbpf -lpthread -o "$FAULTS/$1.so"
}

setup_file() {
	e2e_setup_file
	BUILD_DIR=${builddir:-$(dirname "$ECAPTURE")}
	FAULTS=$(mktemp -d /var/lib/ecapture-e2e-faults.XXXXXX)
	export FAULTS
	chmod 755 "$FAULTS"
	build fault
	build other
	build crasher -DCONSTRUCTOR_CRASHES
}

teardown_file() {
	[ -z "${FAULTS:-}" ] || rm -r "$FAULTS"
}

setup() {
	e2e_setup
	export ECAPTURE_PLUGIN_DIR=$FAULTS
	ulimit -S -c 0
}
teardown() { e2e_teardown; }

# misbehave OPERATION FAULT [OPTION...]: starts ecapture with the module. The files are new.
misbehave() {
	rm -f "$EVENTS" "$LOG"
	launch fault --in "$1" --fault "$2" "${@:3}"
}

# ended STATUS: by itself, or after it was told to, with nothing left behind.
ended() {
	local status=0
	wait_until 30 is_done "$ecapture_pid"
	wait "$ecapture_pid" 2>/dev/null || status=$?
	[ $status = "$1" ] || { echo "status $status where $1 was expected"; tail -n 5 "$LOG"; return 1; }
	sed -n 's/^info [a-z]*: holds \(prog\|link\) \([0-9]*\)$/\1 \2/p' "$LOG" >"$D/bpf"
	wait_until 3 no_bpf_left
}

# says PATTERN: one line of the log is this.
says() {
	has_line "$LOG" "$1" || { echo "no \"$1\" in:"; cut -c -300 "$LOG"; return 1; }
}

says_not() {
	! has_line "$LOG" "$1" || { echo "\"$1\" in:"; cut -c -300 "$LOG"; return 1; }
}

n_events() {
	grep -c '"module":"fault"' "$EVENTS" 2>/dev/null || true
}

has_events() {
	[ "$(n_events)" -ge "$1" ]
}

stop_it() {
	kill -INT "$ecapture_pid"
}

title="module 'fault' 0\.3\.1"

# ---- crashes ----

# crashed STATUS WHAT PLACE
crashed() {
	ended "$1"
	says "^error host: $title crashed ($2) in $3\$"
}

@test "a crash while it starts: in init, load, maps, start" {
	local operation
	for operation in init load maps start; do
		misbehave $operation segv
		crashed 139 "Segmentation fault" "$operation()"
	done
}

@test "a crash while it stops: in stop, close" {
	local operation
	for operation in stop close; do
		misbehave $operation segv
		attached
		stop_it
		crashed 139 "Segmentation fault" "$operation()"
		same "events" 5 "$(n_events)"
	done
}

@test "a crash in decode and dispatch: map, record, and the events before it" {
	local operation
	for operation in decode dispatch; do
		misbehave $operation segv --records 20 --at 12
		crashed 139 "Segmentation fault" "$operation(), map events, record 12"
		same "events" 11 "$(n_events)"
	done
}

@test "a crash in lost" {
	misbehave lost segv --mapsize 1 --len 16000 # longer than the ring
	crashed 139 "Segmentation fault" "lost(), map events"
}

@test "a crash in what ecap.targets calls later" {
	misbehave found segv
	wait_until 20 says_or_ended capturing
	! has_line "$LOG" "cannot tell\|not supported" || skip "no new mappings are told here"
	says capturing
	cp /bin/true "$D/faulttarget-1"
	"$D/faulttarget-1"
	crashed 139 "Segmentation fault" "found()"
}

@test "a crash in a constructor" {
	launch crasher
	ended 139
	says "^error host: module 'crasher' 0\.3\.1 crashed (Segmentation fault) in dlopen()\$"
}

@test "each signal that a crash has" {
	local fault status what
	while read -r fault status what; do
		misbehave decode "$fault"
		crashed "$status" "$what" "decode(), map events, record 3"
	done <<-END
		segv 139 Segmentation fault
		bus 135 Bus error
		fpe 136 Floating point exception
		ill 132 Illegal instruction
		abort 134 Aborted
	END
}

@test "a stack that overflows: of main, of the reader, of stop" {
	misbehave init overflow
	crashed 139 "Segmentation fault" "init()"
	misbehave decode overflow
	crashed 139 "Segmentation fault" "decode(), map events, record 3"
	misbehave stop overflow
	attached
	stop_it
	crashed 139 "Segmentation fault" "stop()"
}

@test "a crash in a thread of the module's own" {
	misbehave decode segv-elsewhere
	ended 139
	says "^error host: a thread that the module or a library made, 'elsewhere', crashed (Segmentation fault)\$"
}

@test "a core is dumped of a crash" {
	local pattern core operation
	read -r pattern </proc/sys/kernel/core_pattern
	[[ $pattern != [\|/]* ]] || skip "cores go to \"$pattern\" here"
	ulimit -S -c "$(ulimit -H -c)" && [ "$(ulimit -c)" != 0 ] || skip "no cores are allowed here"
	cd "$D"
	for operation in init decode; do
		misbehave $operation segv
		ended 139
		core=$(find "$D" -type f -name "${pattern%%%*}*" ! -name '*.log' -size +0)
		[ -n "$core" ] || { ls -l "$D"; return 1; }
		# ET_CORE is 4: elf(5).
		same "kind of ELF file" 0004 "$(od -An -tx2 -j16 -N2 "$core" | tr -d ' ')"
		rm "$core"
	done
}

@test "exit() and pthread_exit() in an operation" {
	local operation
	for operation in init decode; do
		misbehave $operation exit
		ended 1
		says "^error host: $title called exit() in $operation()"
	done
	same "events" 2 "$(n_events)"
	for operation in init start; do
		misbehave $operation end-thread
		ended 1
		says "^error host: $title called pthread_exit() in $operation()"
	done
	misbehave stop end-thread
	attached
	stop_it
	ended 1
	says "^error fault: stop() ended its thread by pthread_exit()"
	misbehave decode end-thread
	ended 1
	says "^error fault: decode(), map events, record 3: the reader's thread was ended by pthread_exit()"
	same "events" 2 "$(n_events)"
}

# ---- endless loops ----

gives_up() { # PLACE
	stop_it
	ended 1
	says "^error fault: $title: $1 has not returned for 5 s: given up\$"
	says " fault: map events: "
	says "^info fault: [0-9]* events, [0-9]* bytes, [0-9]* lost, 0 damaged"
}

@test "a stop() that never returns" {
	misbehave stop loop
	attached
	gives_up 'stop()'
	says_not "close() is called"
	same "events" 5 "$(n_events)"
}

@test "a stop() that never returns, while records keep coming" {
	misbehave stop loop --endless
	attached
	wait_until 10 has_events 100
	gives_up 'stop()'
	says_not "close() is called"
	same "events" "$(sed -n 's/^info fault: \([0-9]*\) events, .*/\1/p' "$LOG")" "$(n_events)"
}

@test "a close() that never returns" {
	misbehave close loop
	attached
	gives_up 'close()'
	same "events" 5 "$(n_events)"
}

@test "a decode() that never returns" {
	misbehave decode loop
	attached
	wait_until 10 has_line "$LOG" "round and round"
	gives_up 'decode(), map events, record 3'
	says_not "close() is called"
	same "events" 2 "$(n_events)"
}

@test "one module that never stops does not keep another from it" {
	cat >"$FAULTS/run.ini" <<-END
		[global]
		plugin-dir = $FAULTS
		output = json
		eventaddr = $EVENTS
		[fault]
		enabled = yes
		in = stop
		fault = loop
		[other]
		enabled = yes
	END
	"$ECAPTURE" run --config "$FAULTS/run.ini" >"$D/ecapture.out" 2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	wait_until 20 says_or_ended "^info fault: capturing"
	wait_until 20 says_or_ended "^info other: capturing"
	says "^info other: capturing"
	stop_it
	ended 1
	says "^error fault: $title: stop() has not returned for 5 s: given up\$"
	says "^info other: close() is called"
	says_not "^info fault: close() is called"
	says "^info other: 5 events, 90 bytes, 0 lost, 0 damaged"
	same "events" 5 "$(n_events)"
	same "events of the other" 5 "$(grep -c '"module":"other"' "$EVENTS")"
}

# ---- rules ----

# breaks OPERATION FAULT EVENTS PATTERN: refused, and the capture goes on; at the end, status 1.
breaks() {
	misbehave "$1" "$2"
	attached
	wait_until 10 has_events "$3"
	stop_it
	ended 1
	says "^warning fault: against the rules, refused: $4"
	says "^error fault: module misbehaving: $4"
	says "^warning fault: against the rules: 1\$"
	says_not "#0 "
	same "events" "$3" "$(n_events)"
}

# The same with --strict-modules: it ends by itself, and shows from where.
breaks_strictly() { # OPERATION FAULT PATTERN
	misbehave "$1" "$2" --strict-modules
	[[ $1 != @(stop|close) ]] || { attached; stop_it; }
	ended 1
	says "^error fault: module misbehaving: $3"
	says "^info fault:   #0 "
}

emit_elsewhere="emit() called on thread 'elsewhere' in state started; it belongs to the reader"

@test "functions of the host in the wrong thread or state" {
	local operation fault pattern
	while read -r operation fault pattern; do
		breaks "$operation" "$fault" 5 "$pattern"
		says "info fault: .* returned -1\$"
		breaks_strictly "$operation" "$fault" "$pattern"
	done <<-END
		init emit init(): emit() called on the main thread 'ecapture' in state new; it belongs to the reader
		load emit load(): emit() called on the main thread 'ecapture' in state inited; it belongs
		maps emit maps(): emit() called on the main thread 'ecapture' in state loaded; it belongs
		start emit start(): emit() called on the main thread 'ecapture' in state reading; it belongs
		stop emit stop(): emit() called on thread 'stop' in state stopping; it belongs
		close emit close(): emit() called on thread 'close' in state drained; it belongs
		decode emit-elsewhere $emit_elsewhere
		decode pick-bpf decode(), map events, record 3: pick_bpf() called on thread 'reader' in state started; it belongs to the main
		decode find decode(), map events, record 3: find() of ecap.targets/1 called on thread 'reader' in state started; it belongs to the main
		decode other-self decode(), map events, record 3: emit() called with another self
	END
}

@test "emit() in decode and dispatch: what it is for" {
	misbehave decode emit
	attached
	wait_until 10 has_events 6
	stop_it
	ended 0
	says_not "rules"
	misbehave dispatch nothing
	attached
	wait_until 10 has_events 5
	stop_it
	ended 0
}

@test "strict: the first breach ends it at the record" {
	breaks_strictly decode emit-elsewhere "$emit_elsewhere"
	says "#[0-9]* $FAULTS/fault.so(+0x[0-9a-f]*)"
	same "events" 2 "$(n_events)"
}

@test "results that are none" {
	local operation
	for operation in init load maps start; do
		misbehave $operation result
		ended 1
		says "^error fault: $operation: $operation() returned 77, which is neither 0 nor a negative errno"
	done
	misbehave stop result
	attached
	stop_it
	ended 1
	says "^error fault: stop() returned 77, which is neither 0 nor a negative errno"
	breaks decode result 4 "decode(), map events, record 3: returned 77, which is neither 0, 1 nor"
	breaks dispatch result 4 "dispatch(), map events, record 3: returned 77, which is neither 0 nor"
	breaks decode no-error 5 "decode(), map events, record 3: fail() called with 5, which is no negative errno"
}

# ---- lies ----

lies='struct-size struct_size: 8 where
dest dest: 7 is no ECAP_DEST
direction direction: 3 is no
reserved reserved: not zero
flags flags: 0x100 are no
family tuple.family: 2 is neither
comm comm: no NUL
kind kind: "Two words" is not
kind-empty kind: "" is not
payload-null payload: NULL with a payload_len of 18
payload-past payload_len: 118 reaches 100 bytes past the end of the record
payload-huge payload_len: 18446744073709551615 is more than
no-flag payload_len: 18 without ECAP_EVENT_F_PAYLOAD
offset offset: 18446744073709551615 and payload_len 18 go beyond total 100
total offset: 0 and payload_len 18 go beyond total 1
fields-null fields: NULL with an n_fields of 3
fields-many n_fields: 65 is more than 64
field-nameless fields\[0\]: no name
field-name fields\[0\]: "Field" is not
field-text fields\[0\]: a text without NUL before the end of the record'

@test "events that lie, out of decode" {
	local lie pattern
	while read -r lie pattern; do
		breaks decode "$lie" 4 "decode(), map events, record 3: $pattern"
	done <<<"$lies"
}

@test "events that lie, out of emit" {
	local lie pattern
	while read -r lie pattern; do
		[ "$lie" != struct-size ] || pattern="emit: event of 8 bytes; set its struct_size"
		breaks dispatch "$lie" 4 "dispatch(), map events, record 3: $pattern"
		says "info fault: emit returned -"
	done <<<"$lies"
	breaks dispatch back-again 4 "dispatch(), map events, record 3: an event with ECAP_DEST_MODULE, which would come back"
}

@test "events that lie, strictly" {
	local lie pattern
	while read -r lie pattern; do
		breaks_strictly decode "$lie" "decode(), map events, record 3: $pattern"
		same "events" 2 "$(n_events)"
	done <<<"$lies"
}

@test "memory that is not there: refused strictly, else a crash that is told" {
	local lie pattern
	while read -r lie pattern; do
		misbehave decode "$lie"
		ended 139
		says "^error host: $title handed in an event that cannot be read (Segmentation fault) in decode(), map events, record 3\$"
		same "events" 2 "$(n_events)"
		breaks_strictly decode "$lie" "decode(), map events, record 3: $pattern 0x1000, which cannot be read"
	done <<-END
		kind-nowhere kind: at
		payload-nowhere payload: 10000 bytes at
		fields-nowhere fields: 2 at
		field-nowhere fields\[0\]: text at
	END
}

@test "maps that lie" {
	local lie pattern
	while read -r lie pattern; do
		misbehave maps "$lie"
		ended 1
		says "^error fault: $pattern"
		says "^info fault: close() is called"
	done <<-END
		list-null maps: the module has no map to read
		list-nowhere maps: the module's list of 1 maps is at 0x1000, which cannot be read
		list-empty maps: the module has no map to read
		list-absurd maps: the module has 4294967295 maps, more than 256
		list-long maps: the module has 300 maps, more than 256
		name-null maps: map 1: its name is at (nil), which cannot be read
		name-nowhere maps: map 1: its name is at 0x1000, which cannot be read
		name-empty maps: map 1: its name has not 1 to 47 bytes
		name-long maps: map 1: its name has not 1 to 47 bytes
		fd-none readers: map events: fd -1: Bad file descriptor
		fd-closed readers: map events: fd 9999: Bad file descriptor
		fd-file readers: map events: fd [0-9]* is no BPF map
		fd-kind readers: map events: neither a ring buffer nor a perf event array
		stats-file readers: map events: stats_fd [0-9]* is no BPF map
		stats-kind readers: map events: its stats_fd has values of 0 bytes
		control-kind readers: map events: its control_fd has values of 0 bytes
		control-private readers: map events: its control_fd is no array with BPF_F_MMAPABLE
		more-kind readers: map events: its more_fd is no ring buffer
		more-same readers: map events: given twice to be read
		twice readers: map events: given twice to be read
	END
}

# ---- floods ----

# The log stays small (of its first 1000 lines a few say other things), what is left out is told, and the rest goes on as if nothing were.
flooded() {
	same "events" 5 "$(n_events)"
	says "^warning fault: [0-9]* lines of the module left out of the log\$"
	[ "$(grep -c 'line [0-9]* of very many' "$LOG")" -ge 900 ]
	[ "$(stat -c %s "$LOG")" -lt 1000000 ] || { echo "a log of $(stat -c %s "$LOG") bytes"; return 1; }
}

@test "10 million lines for the log" {
	local operation
	for operation in start decode; do
		misbehave $operation logs
		attached
		wait_until 60 has_events 5
		stop_it
		ended 0
		flooded
	done
	misbehave stop logs
	attached
	stop_it
	ended 0
	flooded
}

# ---- without a kernel ----

@test "a replay: the same rules, the same words" {
	local status
	launch fault --record "$D/rec"
	attached
	wait_until 10 has_events 5
	stop_it
	ended 0
	replay() {
		status=0
		"$ECAPTURE" modules replay --plugin-dir "$FAULTS" fault "$D/rec" --in decode \
			--fault "$@" -o json >"$EVENTS" 2>"$LOG" </dev/null || status=$?
	}
	replay segv
	same status 139 $status
	says "^error host: $title crashed (Segmentation fault) in decode(), map events, record 3\$"
	same "events" 2 "$(n_events)"
	replay payload-past
	same status 1 $status
	says "^error fault: module misbehaving: decode(), map events, record 3: payload_len: 118"
	same "events" 4 "$(n_events)"
	replay payload-past --strict-modules
	same status 1 $status
	says "^error fault: .*module misbehaving: decode(), map events, record 3: payload_len: 118"
	same "events" 2 "$(n_events)"
	replay emit
	same status 0 $status
	same "events" 6 "$(n_events)"
}
