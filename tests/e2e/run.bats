#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Several modules in one process, as an ini file says: who captures what and where it goes, whose
# options count, what becomes of the others when one fails, and what a service manager is told.

load lib

setup_file() {
	e2e_setup_file peek load
}
setup() {
	e2e_setup
	# A configuration is believed only where nobody but root could have changed it.
	C=$(mktemp -d /var/lib/ecapture-e2e-run.XXXXXX)
	chmod 755 "$C"
	cleanups+=("rm -r '$C'")
	INI=$C/run.ini
	TLS=$D/tls.json SHELLS=$D/bash.json
}
teardown() { e2e_teardown; }

ini() {
	cat >"$INI"
}

# launch_run [OPTION...]: ecapture run, in the background. Standard output is in $D/out.
launch_run() {
	"$ECAPTURE" run ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} --config "$INI" \
		"$@" >"$D/out" 2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
}

capturing() { # MODULE
	wait_until 20 says_or_ended "^info $1: capturing"
	has_line "$LOG" "^info $1: capturing" || { cat "$LOG"; return 1; }
}

run_both() { # [OPTION...]
	launch_run "$@"
	capturing tls
	capturing bash
}

# ends STATUS: what was told to stop is gone within 2 s, with that status and nothing left behind.
ends() {
	local begin status=0
	begin=$(now_ms)
	wait_until 20 is_done "$ecapture_pid"
	stop_ms=$(($(now_ms) - begin))
	wait "$ecapture_pid" || status=$?
	same "status" "$1" "$status"
	[ $stop_ms -le "${E2E_STOP_MS:-2000}" ] || { echo "ecapture took $stop_ms ms to end"; return 1; }
	wait_until 3 no_bpf_left
}

stop_run() { # STATUS [SIGNAL]
	bpf_objects "$ecapture_pid" >"$D/bpf"
	[ -s "$D/bpf" ] || { echo "ecapture held no BPF objects"; return 1; }
	kill -"${2:-INT}" "$ecapture_pid"
	ends "$1"
}

exchange() {
	pair peek "$(marker question)" "$(marker answer)"
}

# What was said on the connection and in the shell, each once, in the file of each.
tls_is_whole() {
	EVENTS=$TLS moved "$client" "$server" "$(marker question)"
	EVENTS=$TLS moved "$server" "$client" "$(marker answer)"
}

shell_is_whole() {
	EVENTS=$SHELLS commands_are sh "[0, 0, \"echo $(marker typed)\"]"
}

# All events are in the file $1, of both modules: each in the file that its checker reads.
split() {
	grep '"module":"openssl"' "$1" >"$TLS" || true
	grep '"module":"bash"' "$1" >"$SHELLS" || true
	same "lines of one of the modules" "$(wc -l <"$1")" "$(cat "$TLS" "$SHELLS" | wc -l)"
}

no_losses() {
	local module
	for module in tls bash; do
		grep -q "^info $module: [0-9]* events, [0-9]* bytes, 0 lost, 0 damaged" "$LOG" || {
			cat "$LOG"
			return 1
		}
	done
}

errors_are() { # N
	same "lines of error" "$1" "$(grep -c '^error ' "$LOG" || true)"
}

@test "two modules in one process, each with a file of its own" {
	ini <<-END
		[global]
		output = json
		[tls]
		enabled = yes
		comm = peek
		eventaddr = $TLS
		[bash]
		enabled = yes
		eventaddr = $SHELLS
	END
	shell sh
	run_both
	typed sh "echo $(marker typed)"
	exchange
	stop_run 0
	no_losses
	errors_are 0
	tls_is_whole
	shell_is_whole
	same "lines of tls" 6 "$(wc -l <"$TLS")"
	[ ! -s "$D/out" ]
	same "readers" 2 "$(grep -c 'map events' "$LOG")"
}

@test "two modules, one file by two names: whole lines that say whose they are" {
	ln -s "$D/all.json" "$D/same.json"
	ini <<-END
		[global]
		output = json
		eventaddr = $D/all.json
		[tls]
		enabled = yes
		eventaddr = $D/same.json
		comm = peek
		[bash]
		enabled = yes
	END
	shell sh
	run_both
	typed sh "echo $(marker typed)"
	exchange
	stop_run 0 TERM
	no_losses
	split "$D/all.json"
	tls_is_whole
	shell_is_whole
}

@test "two modules, much at once, on standard output" {
	local big
	big=$(printf 'x%.0s' {1..3000})
	ini <<-END
		[global]
		output = json
		[tls]
		enabled = yes
		comm = load
		[bash]
		enabled = yes
	END
	shell sh
	run_both
	start load "$E2E_BIN/load" "$ID" 4 1024 4000 2000
	for i in {1..20}; do
		say sh ": $(marker big) $i $big"
	done
	typed sh "echo $(marker typed)"
	finish load 60
	stop_run 0
	split "$D/out"
	EVENTS=$TLS events numbers "$ID" >"$D/numbers"
	same "streams" 8 "$(wc -l <"$D/numbers")"
	EVENTS=$SHELLS events commands pid="${shell_pid[sh]}" >"$D/commands"
	same "long commands" 20 "$(grep -c "$(marker big)" "$D/commands")"
}

@test "text says whose event it is" {
	ini <<-END
		[tls]
		enabled = yes
		comm = peek
		[bash]
		enabled = yes
	END
	shell sh
	run_both
	typed sh "echo $(marker typed)"
	exchange
	stop_run 0
	grep -q "^[0-9-]* [0-9:.]* tls peek\[$client\]" "$D/out" || { cat "$D/out"; return 1; }
	grep -q "^[0-9-]* [0-9:.]* bash bash\[${shell_pid[sh]}\] .*$(marker typed)" "$D/out"
}

@test "whose options count: default, [global], the module's section, the command line" {
	ini <<-END
		[tls]
		enabled = yes
		comm = peek
		eventaddr = $TLS
		tsize = 7
		[global]
		output = json
		comm = nobody
		eventaddr = $D/nowhere/never-opened
		tsize = 5
		[bash]
		enabled = yes
		comm = bash
		eventaddr = $SHELLS
	END
	shell sh
	run_both
	typed sh "echo $(marker typed)"
	exchange
	stop_run 0
	shell_is_whole
	grep -q "\"payload\":\"${ID:0:7}\"" "$TLS"
	: >"$TLS"
	run_both --tsize 3
	exchange
	stop_run 0
	grep -q "\"payload\":\"${ID:0:3}\"" "$TLS"
	! grep -q "\"payload\":\"${ID:0:7}\"" "$TLS"
	# The same section serves the module alone.
	: >"$TLS"
	EVENTS=$TLS
	"$ECAPTURE" tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} --config "$INI" \
		>"$D/out" 2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	attached
	exchange
	stop_run 0
	grep -q "\"payload\":\"${ID:0:7}\"" "$TLS"
}

# wrong_library [LINE...]: tls cannot start; bash could.
wrong_library() {
	ini <<-END
		[global]
		output = json
		$(printf '%s\n' "$@")
		[tls]
		enabled = yes
		libssl = $(ldconfig -p | awk '$1 == "libz.so.1" { print $NF; exit }')
		eventaddr = $TLS
		[bash]
		enabled = yes
		eventaddr = $SHELLS
	END
}

@test "one cannot start: the others are not started, or stopped" {
	wrong_library
	: >"$D/bpf"
	launch_run
	wait_until 20 is_done "$ecapture_pid"
	ends 1
	grep -q '^error tls: .*libz.*SSL_read' "$LOG"
	errors_are 1
	! grep -q '^info bash: capturing' "$LOG"
	# The other way round.
	{ sed -n '/^\[bash\]/,$p' "$INI" && sed '/^\[bash\]/,$d' "$INI"; } >"$C/turned.ini"
	launch_run --config "$C/turned.ini"
	wait_until 20 is_done "$ecapture_pid"
	ends 1
	grep -q '^info bash: capturing' "$LOG"
	grep -q '^info bash: 0 events' "$LOG"
	errors_are 1
}

@test "one cannot start, on-error = continue: the others capture, and the exit code tells" {
	wrong_library "on-error = continue"
	shell sh
	launch_run
	capturing bash
	typed sh "echo $(marker typed)"
	stop_run 1
	grep -q '^error tls: .*libz.*SSL_read' "$LOG"
	errors_are 1
	shell_is_whole
}

@test "none can start, on-error = continue: the end" {
	wrong_library "on-error = continue"
	sed -i '/^\[bash\]/,$d' "$INI"
	launch_run
	: >"$D/bpf"
	wait_until 20 is_done "$ecapture_pid"
	ends 1
	errors_are 1
}

# full_disk: tls fails at its first event.
full_disk() {
	ini <<-END
		[global]
		output = json
		[tls]
		enabled = yes
		comm = peek
		eventaddr = /dev/full
		[bash]
		enabled = yes
		eventaddr = $SHELLS
	END
}

@test "one fails later: the others end as well, with all that they had" {
	full_disk
	shell sh
	run_both
	typed sh "echo $(marker typed)"
	bpf_objects "$ecapture_pid" >"$D/bpf"
	exchange
	ends 1
	grep -q '^error tls: .*/dev/full: No space left' "$LOG"
	grep -q '^info bash: 2 events' "$LOG" # and what typed() waits for
	errors_are 1
	shell_is_whole
}

@test "one fails later, --on-error continue: the others go on" {
	full_disk
	shell sh
	run_both --on-error continue
	exchange
	wait_until 10 has_line "$LOG" '^error tls: .*/dev/full: No space left'
	typed sh "echo $(marker typed)"
	stop_run 1
	errors_are 1
	shell_is_whole
}

@test "a file that fails ends all that write to it, and no others" {
	ini <<-END
		[global]
		on-error = continue
		[tls]
		enabled = yes
		comm = peek
		eventaddr = /dev/full
		[bash]
		enabled = yes
		eventaddr = /dev/full
	END
	run_both
	bpf_objects "$ecapture_pid" >"$D/bpf"
	exchange
	ends 1
	grep -q '^error tls: .*/dev/full' "$LOG"
	same "summaries" 2 "$(grep -c '[0-9] events, ' "$LOG")"
}

@test "sinks that stand still: all end together" {
	local module
	for module in tls bash; do
		mkfifo "$D/$module.fifo"
	done
	exec 5<>"$D/tls.fifo" 6<>"$D/bash.fifo" # nobody reads
	ini <<-END
		[tls]
		enabled = yes
		comm = load
		eventaddr = $D/tls.fifo
		[bash]
		enabled = yes
		eventaddr = $D/bash.fifo
	END
	shell sh
	run_both 5>&- 6>&-
	start load "$E2E_BIN/load" "$ID" 1 1024 1000 200
	finish load 30
	for i in {1..30}; do
		say sh ": $(printf 'y%.0s' {1..3500})"
	done
	typed sh :
	stop_run 1
	for module in tls bash; do
		grep -q "^error $module: event sink .*$module.fifo: .* bytes not written" "$LOG" || {
			cat "$LOG"
			return 1
		}
	done
	errors_are 2
	exec 5>&- 6>&-
}

@test "one sink stands still: the other modules go on" {
	mkfifo "$D/tls.fifo"
	exec 5<>"$D/tls.fifo" # nobody reads
	ini <<-END
		[global]
		output = json
		[tls]
		enabled = yes
		comm = load
		eventaddr = $D/tls.fifo
		[bash]
		enabled = yes
		eventaddr = $SHELLS
	END
	shell sh
	run_both 5>&-
	start load "$E2E_BIN/load" "$ID" 1 1024 0 2000
	finish load 30
	typed sh "echo $(marker typed)"
	wait_until 5 has_line "$SHELLS" "$(marker typed)"
	stop_run 1
	grep -q "^error tls: event sink .*tls.fifo: .* bytes not written" "$LOG"
	errors_are 1
	shell_is_whole
	exec 5>&-
}

# A service manager: each datagram becomes a line, "|" between the lines of one.
manager() { # ADDRESS
	start manager /usr/bin/python3 -c '
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1].replace("@", "\0", 1))
print("listening", flush=True)
while True:
    print("|".join(manager.recv(4096).decode().split("\n")), flush=True)' "$1"
	expect manager listening >/dev/null
}

told() { # LINE...
	wait_until 5 has_line "$D/manager.out" "${!#}"
	diff -u <(printf '%s\n' listening "$@") "$D/manager.out"
}

@test "a service manager is told when all capture, what has failed, and when it stops" {
	full_disk
	manager "@$ID"
	NOTIFY_SOCKET=@$ID run_both --on-error continue
	told "READY=1|STATUS=tls is capturing, bash is capturing"
	exchange
	told "READY=1|STATUS=tls is capturing, bash is capturing" \
		"STATUS=tls has failed, bash is capturing"
	stop_run 1
	told "READY=1|STATUS=tls is capturing, bash is capturing" \
		"STATUS=tls has failed, bash is capturing" STOPPING=1
}

@test "a service manager is not told that we are ready when we are not" {
	wrong_library
	manager "$D/notify"
	NOTIFY_SOCKET=$D/notify launch_run
	wait_until 20 is_done "$ecapture_pid"
	told STOPPING=1
}

check() { # [OPTION...]: by somebody without any right, who must be able to read what he looks at
	local dir=${ECAPTURE_PLUGIN_DIR:-}
	install -m 755 "$ECAPTURE" "$C/ecapture"
	[ -z "$dir" ] || install -m 755 -D -t "$C/modules" "$dir"/*.so
	setpriv --reuid=65534 --regid=65534 --clear-groups "$C/ecapture" config check \
		${dir:+--plugin-dir "$C/modules"} "$@" >"$D/out" 2>"$D/err"
}

@test "config check: what would start, without any right" {
	ini <<-END
		[tls]
		enabled = yes
		comm = curl
		[bash]
		enabled = no
		errnumber = 3
		[global]
		pid = 7
		on-error = continue
	END
	chmod 644 "$INI"
	check "$INI"
	grep -q '1 module would start' "$D/out"
	grep -q '^tls: module openssl ' "$D/out"
	grep -q "^    comm = curl  ($INI:3)" "$D/out"
	grep -q "^    pid = 7  ($INI:8)" "$D/out"
	grep -q "^    on-error = continue  ($INI:9)" "$D/out"
	! grep -q '^bash' "$D/out"
	[ ! -s "$D/err" ]
	check "$INI" -o json
	/usr/bin/python3 - "$D/out" "$INI" <<-'END'
		import json, sys
		answer = json.load(open(sys.argv[1]))
		assert answer["usable"] is True and answer["errors"] == [] and answer["file"] == sys.argv[2]
		assert [module["command"] for module in answer["modules"]] == ["tls"], answer
		assert answer["modules"][0]["options"] == {
		    "pid": {"value": "7", "origin": sys.argv[2] + ":8"},
		    "comm": {"value": "curl", "origin": sys.argv[2] + ":3"}}, answer
		assert answer["options"]["on-error"]["value"] == "continue"
	END
}

@test "config check: every error with its line, and the exit code" {
	local status=0
	ini <<-END
		[global]
		tsize = many
		[tls]
		enabled = yes
		libssl = $D/not-there.so
		debug = yes
		[bash]
		enbled = yes
		just words
		[nonsense]
	END
	chmod 644 "$INI"
	check "$INI" || status=$?
	same "status" 2 "$status"
	sed "s|^error config: $INI:||" "$D/err" >"$D/errors"
	diff -u "$D/errors" - <<-END
		2: [global] tsize: "many" is not a size: bytes, or a number with K, M or G
		5: [tls] libssl: $D/not-there.so: No such file or directory
		6: [tls] debug: concerns the whole program, not one module; set it in [global]
		8: [bash] unknown key "enbled"; did you mean "enabled"?
		9: expected "key = value", found "just words"
		10: unknown section [nonsense]
	END
	[ ! -s "$D/out" ]
	status=0
	check -o json "$INI" || status=$?
	same "status" 2 "$status"
	/usr/bin/python3 - "$D/out" <<-'END'
		import json, sys
		answer = json.load(open(sys.argv[1]))
		assert answer["usable"] is False and answer["modules"] == []
		assert len(answer["errors"]) == 6, answer
	END
	# Nothing starts from such a file, either.
	launch_run
	wait_until 10 is_done "$ecapture_pid"
	status=0
	wait "$ecapture_pid" || status=$?
	same "status" 2 "$status"
	errors_are 6
}

@test "no module enabled: that is said" {
	ini <<<$'[tls]\ncomm = curl\n'
	launch_run
	refused 2 'run\.ini: no module is enabled.*enabled = yes'
}

@test "the usual file is named when it is not there" {
	local status=0
	"$ECAPTURE" run --plugin-dir "$C" 2>"$D/err" </dev/null || status=$?
	grep -q '/ecapture/ecapture.ini' "$D/err" || skip "there is one on this machine"
	same "status" 2 "$status"
}
