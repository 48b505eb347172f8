# SPDX-License-Identifier: Apache-2.0
# What the end-to-end tests share. A test runs a scenario: real programs that talk TLS on the
# loopback while ecapture writes its events to a file, and looks at that file alone. Every text
# that is sent is unique to the run, so that programs of others on the machine cannot pass for
# ours. Each process that is started is ended by its id in teardown.

bats_require_minimum_version 1.8.0

here=$BATS_TEST_DIRNAME
ECAPTURE=${ECAPTURE:-$(cd "$here/../.." && pwd)/ecapture}
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}

# ---- once for each file ----

# Builds the named helper programs and makes a certificate.
e2e_setup_file() {
	[ "$(id -u)" = 0 ] || skip "not root"
	[ -x "$ECAPTURE" ] || { echo "no program at $ECAPTURE: build first, or set ECAPTURE"; return 1; }
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	export E2E_BIN=$BATS_FILE_TMPDIR/bin E2E_EVENTS=$here/programs/events.py
	export E2E_CERT=$BATS_FILE_TMPDIR/cert.pem E2E_KEY=$BATS_FILE_TMPDIR/key.pem
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-keyout "$E2E_KEY" -out "$E2E_CERT" -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 2>/dev/null
	chmod 644 "$E2E_KEY"
	mkdir "$E2E_BIN"
	local program
	[ $# = 0 ] || cc -std=gnu11 -D_GNU_SOURCE -O1 -c "$here/programs/tls.c" -o "$E2E_BIN/tls.o"
	for program in "$@"; do
		cc -std=gnu11 -D_GNU_SOURCE -O1 "$here/programs/$program.c" "$E2E_BIN/tls.o" \
			-o "$E2E_BIN/$program" -lssl -lcrypto -pthread
	done
}

# A directory for modules of the tests, where only root writes, else none would be taken: $MODULES_DIR.
# Its object.o is all of a BPF object that is looked at before one is loaded: a header, elf(5).
make_modules_dir() {
	export MODULES_DIR
	MODULES_DIR=$(mktemp -d /var/lib/ecapture-e2e-modules.XXXXXX)
	chmod 755 "$MODULES_DIR"
	/usr/bin/python3 - "$MODULES_DIR/object.o" <<-'END'
		import struct, sys
		EM_BPF, ET_REL = 247, 1
		ident = b'\x7fELF' + bytes([2, 1, 1]) + bytes(9)
		header = ident + struct.pack('<HHIQQQIHHHHHH', ET_REL, EM_BPF, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0)
		open(sys.argv[1], 'wb').write(header)
	END
}

remove_modules_dir() {
	[ -z "${MODULES_DIR:-}" ] || rm -rf "$MODULES_DIR"
}

# ---- once for each test ----

e2e_setup() {
	T=$BATS_TEST_TMPDIR
	chmod 755 "$T"
	read -r E2E_UUID </proc/sys/kernel/random/uuid
	ID=e2e-${E2E_UUID:0:13}
	MODE=default
	processes=()
	cleanups=()
	shell_pid=()
	export SHELL=/bin/bash # of script(1)
	scenario_begin
}

e2e_teardown() {
	local what left=0
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		echo "# in mode $MODE; the logs:"
		tail -n 15 "$D"/*.log "$D"/*.err 2>/dev/null || true
	fi
	kill -HUP "${shell_pid[@]}" 2>/dev/null || true # interactive shells ignore SIGTERM
	end_processes || left=1
	for what in "${cleanups[@]}"; do
		eval "$what" || { echo "cleaning up: $what"; left=1; }
	done
	return $left
}

# A text that no other run has; always of the same length for the same NAME.
marker() {
	echo "$ID-$1-z"
}

# ---- waiting ----

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# wait_until SECONDS COMMAND...: until the command succeeds, which it must in that time.
wait_until() {
	local end=$(($(now_ms) + $1 * 1000)) seconds=$1
	shift
	until "$@"; do
		if [ "$(now_ms)" -gt $end ]; then
			echo "not within $seconds s: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

has_line() { # FILE PATTERN
	grep -q -e "$2" "$1" 2>/dev/null
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# ---- processes ----

# start NAME COMMAND...: in the background; its output is in $D/NAME.out and NAME.err, its input
# is what say NAME writes, its id is $started and in the array pid_of.
declare -gA pid_of input_of
start() {
	local name=$1 in
	shift
	rm -f "$D/$name.in"
	mkfifo "$D/$name.in"
	exec {in}<>"$D/$name.in"
	"$@" <"$D/$name.in" >"$D/$name.out" 2>"$D/$name.err" 3>&- 4>&- {in}>&- &
	started=$!
	pid_of[$name]=$started
	input_of[$name]=$in
	processes+=("$started")
}

say() { # NAME TEXT
	printf '%s\n' "$2" >&"${input_of[$1]}"
}

# Waits for a line in the program's output and prints it.
expect() { # NAME PATTERN [SECONDS]
	wait_until "${3:-10}" has_line "$D/$1.out" "$2" || {
		tail -n 5 "$D/$1.out" "$D/$1.err" >&2
		return 1
	}
	grep -m1 -e "$2" "$D/$1.out"
}

# Waits for a program that ends by itself; it must end well.
finish() { # NAME [SECONDS]
	local pid=${pid_of[$1]} status=0
	wait_until "${2:-30}" is_done "$pid" || return 1
	wait "$pid" || status=$?
	[ $status = 0 ] || { echo "$1 ended with $status"; tail -n 5 "$D/$1.err"; return 1; }
}

# Ended, though perhaps not waited for.
is_done() {
	local state
	read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || return 0
	[ "$state" = Z ]
}

end_process() {
	kill -"${2:-TERM}" "$1" 2>/dev/null || true
	if ! wait_until 3 is_done "$1" 2>/dev/null; then
		kill -KILL "$1" 2>/dev/null || true
	fi
	wait "$1" 2>/dev/null || true
	wait_until 3 is_done "$1"
}

# Those that were started last end first, so that no client loses its server.
end_processes() {
	local i left=0 name
	for ((i = ${#processes[@]} - 1; i >= 0; i--)); do
		end_process "${processes[i]}" || left=1
	done
	processes=()
	for name in "${!input_of[@]}"; do
		exec {input_of[$name]}>&-
	done
	input_of=() pid_of=()
	return $left
}

# field KEY LINE: the value of KEY=VALUE in a line of them.
field() {
	local word
	for word in $2; do
		[ "${word%%=*}" != "$1" ] || { echo "${word#*=}"; return; }
	done
	echo "no $1 in: $2" >&2
	return 1
}

# pair PROGRAM ARGUMENT...: runs a program of two processes to its end. Sets $client and $server.
pair() {
	start "$1" "$E2E_BIN/$1" "${@:2}"
	finish "$1" 60
	client=$(field pid "$(expect "$1" '^client pid=')")
	server=$(field pid "$(expect "$1" '^server pid=')")
}

# A port that nobody listens on.
free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port_open() {
	(exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# ---- shells ----

# shell NAME [COMMAND...]: an interactive bash on a terminal of its own; its id is ${shell_pid[NAME]}.
declare -gA shell_pid
shell() {
	start "$1" script -qfc "HISTFILE= exec ${*:2} bash --norc --noprofile -i" /dev/null
	say "$1" "echo pid=\$\$."
	expect "$1" 'pid=[0-9]*\.' >/dev/null
	shell_pid[$1]=$(sed -n 's/.*pid=\([0-9][0-9]*\)\..*/\1/p' "$D/$1.out" | head -n 1)
	[ "$(<"/proc/${shell_pid[$1]}/comm")" = bash ]
}

# Types a line and waits until the shell has done with it and all before.
typed() { # NAME LINE
	count=$((${count:-0} + 1))
	say "$1" "$2"
	say "$1" "echo done-\$(($count))."
	expect "$1" "done-$count\." >/dev/null
}

# commands_are NAME JSON...: what was captured of the shell, but for our own "done" lines.
commands_are() {
	local name=$1
	shift
	events commands pid="${shell_pid[$name]}" >"$D/all"
	grep -v '"echo \(done-\|pid=\)' "$D/all" >"$D/commands" || true
	printf '%s\n' "$@" >"$D/expected"
	diff -u "$D/expected" "$D/commands"
}

# ---- ecapture ----

# A scenario has a directory of its own: $D; its events are in $EVENTS, the log in $LOG.
scenario_begin() {
	D=$T/$MODE
	mkdir -p "$D"
	chmod 755 "$D"
	EVENTS=$D/events.json LOG=$D/ecapture.log
	LOST_IS_FINE=
}

# capture MODULE [OPTION...]: starts ecapture and waits until it is attached.
capture() {
	launch "$@"
	attached
}

launch() {
	local flags=()
	if [ "$1" = tls ]; then
		read -r -a flags <<<"${ECAP_E2E_FLAGS:-}"
		[ "$MODE" = default ] || flags+=("$MODE")
	fi
	"$ECAPTURE" "$1" ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} "${flags[@]}" \
		-o json --eventaddr "$EVENTS" "${@:2}" 2>"$LOG" >"$D/ecapture.out" \
		</dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
}

attached() {
	wait_until 20 says_or_ended capturing
	has_line "$LOG" capturing || { cat "$LOG"; return 1; }
}

says_or_ended() {
	has_line "$LOG" "$1" || is_done "$ecapture_pid"
}

# Numbers of the BPF programs and links that the process holds.
bpf_objects() {
	cat /proc/"$1"/fdinfo/* 2>/dev/null |
		awk '/^prog_id:/ { print "prog", $2 } /^link_id:/ { print "link", $2 }' | sort -u
}

no_bpf_left() {
	local type id
	while read -r type id; do
		! bpftool "$type" show id "$id" >/dev/null 2>&1 || return 1
	done <"$D/bpf"
}

# Ends ecapture as a user does. It must go within 2 s with status 0, having lost nothing, with
# nothing of it left in the kernel and nothing but events where events go.
stop_capture() {
	local begin status=0
	bpf_objects "$ecapture_pid" >"$D/bpf"
	[ -s "$D/bpf" ] || { echo "ecapture held no BPF objects"; return 1; }
	begin=$(now_ms)
	kill -"${1:-INT}" "$ecapture_pid"
	wait_until 20 is_done "$ecapture_pid"
	stop_ms=$(($(now_ms) - begin))
	wait "$ecapture_pid" || status=$?
	[ $status = 0 ] || { echo "ecapture ended with $status"; tail -n 3 "$LOG"; return 1; }
	[ $stop_ms -le "${E2E_STOP_MS:-2000}" ] || { echo "ecapture took $stop_ms ms to end"; return 1; }
	wait_until 3 no_bpf_left
	[ ! -s "$D/ecapture.out" ] || { echo "output beside the events:"; cat "$D/ecapture.out"; return 1; }
	summary=$(grep -E '[0-9]+ events, [0-9]+ bytes, [0-9]+ lost' "$LOG") || {
		echo "no summary in the log"
		return 1
	}
	[ -n "$LOST_IS_FINE" ] || [[ $summary == *", 0 lost, 0 damaged"* ]] || { echo "$summary"; return 1; }
}

# ---- what was captured ----

events() { # COMMAND [ARGUMENT...]: see programs/events.py
	"$E2E_EVENTS" "$EVENTS" "$@"
}

# seen N TEXT [KEY=VALUE...]: TEXT is exactly N times in the events that match.
seen() {
	local want=$1 n
	shift
	n=$(events count "$@")
	[ "$n" = "$want" ] || { echo "$n times, not $want: $*"; return 1; }
}

# moved FROM_PID TO_PID TEXT: one process sent it once, the other received it once, nobody else.
moved() {
	seen 1 "$3" pid="$1" direction=send
	seen 1 "$3" pid="$2" direction=recv
	seen 2 "$3"
}

# The one stream that matches, as a line of KEY=VALUE.
stream() {
	local lines
	lines=$(events streams "$@")
	[ "$(wc -l <<<"$lines")" = 1 ] && [ -n "$lines" ] || {
		echo "not one stream: $*: $lines" >&2
		return 1
	}
	echo "$lines"
}

same() { # WHAT EXPECTED ACTUAL
	[ "$2" = "$3" ] || { echo "$1: \"$3\" where \"$2\" was expected"; return 1; }
}

# ---- the same, seen from two places ----

# both_ways SCENARIO [canonical|canonical-bytes|canonical-h2]: runs it with probes where ecapture
# chooses to have them and with those on the exported functions, and compares the events.
both_ways() {
	local first=
	for MODE in default --exact-symbols; do
		scenario_begin
		"$1"
		# shellcheck disable=SC2086
		events "${2:-canonical}" "$ID" ${SELECT:-text=$ID} >"$D/canonical"
		[ -s "$D/canonical" ] || { echo "no events to compare"; return 1; }
		end_processes
		[ -z "$first" ] || diff -u "$first" "$D/canonical"
		first=$D/canonical
	done
}

# I/O through an SSL BIO never passes the exported functions.
needs_method_sites() {
	[[ ${ECAP_E2E_FLAGS:-} != *--exact-symbols* ]] ||
		skip "the exported functions do not see I/O through a BIO"
}

# needs_build NAME: $BUILD is the file that ../unit/fetch-builds.sh has or can get.
needs_build() {
	BUILD=$("$here/../unit/fetch-builds.sh" "$1" 2>"$D/why") ||
		skip "$1 is not to be had: $(cat "$D/why")"
}

# A node with OpenSSL inside: $NODE. Debian's own links libssl; PyPI has one that does not.
needs_node() {
	NODE=$(command -v node || true)
	[ -n "$NODE" ] && ! ldd "$NODE" | grep -q libssl && return
	needs_build node
	NODE=$BUILD
	chmod 755 "$NODE"
}

# A directory with OpenSSL 3.5 for LD_LIBRARY_PATH: $OPENSSL35.
needs_openssl35() {
	local libcrypto
	needs_build psycopg2
	libcrypto=$(echo "$(dirname "$BUILD")"/libcrypto-*.so.3)
	OPENSSL35=$D/openssl35
	mkdir -p "$OPENSSL35"
	cp "$BUILD" "$libcrypto" "$OPENSSL35/"
	ln -sf "$(basename "$BUILD")" "$OPENSSL35/libssl.so.3"
	ln -sf "$(basename "$libcrypto")" "$OPENSSL35/libcrypto.so.3"
}

# build_quic LIBSSL: the program quic, with that library of OpenSSL 3.5.
build_quic() {
	local dir
	dir=$(dirname "$1")
	cc -std=gnu11 -D_GNU_SOURCE -O1 "$here/programs/quic.c" -o "$E2E_BIN/quic" "$1" \
		"$dir"/libcrypto-*.so.3 -Wl,-rpath,"$dir" -pthread
}

# refused STATUS PATTERN: what was launched ends at once with this status, one line that matches
# on standard error, and no events.
refused() {
	local status=0
	wait_until 10 is_done "$ecapture_pid"
	wait "$ecapture_pid" || status=$?
	[ $status = "$1" ] || { echo "status $status where $1 was expected"; cat "$LOG"; return 1; }
	grep -q '^error ' "$LOG" && grep '^error ' "$LOG" | grep -Eq -e "$2" || {
		echo "no error that matches \"$2\":"
		cat "$LOG"
		return 1
	}
	same "lines of error" 1 "$(grep -c '^error ' "$LOG")"
	[ ! -s "$EVENTS" ] || { echo "events all the same"; return 1; }
	[ ! -s "$D/ecapture.out" ] || { echo "output:"; cat "$D/ecapture.out"; return 1; }
}

# ends_when_full PATTERN: what captures ends by itself once what is sent cannot be written: status 1,
# one error, which matches, no probe left. Needs the program load.
ends_when_full() {
	local status=0
	bpf_objects "$ecapture_pid" >"$D/bpf"
	[ -s "$D/bpf" ]
	start load "$E2E_BIN/load" "$ID" 1 16384 0 200
	finish load
	wait_until 10 is_done "$ecapture_pid"
	wait "$ecapture_pid" || status=$?
	same "status" 1 $status
	wait_until 3 no_bpf_left
	same "lines of error" 1 "$(grep -c '^error ' "$LOG")"
	has_line "$LOG" "$1" || { cat "$LOG"; return 1; }
}
