#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What ecapture will not do, and how it says so: one line, the right exit code (2 for wrong use, 1
# for what fails), no events, nothing left in the kernel.

load lib

setup_file() {
	e2e_setup_file load
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# launch_as COMMAND... -- MODULE OPTION...: launch by way of another command.
launch_as() {
	local by=()
	while [ "$1" != -- ]; do
		by+=("$1")
		shift
	done
	shift
	cat >"$D/by" <<-END
		#!/bin/sh
		exec ${by[*]@Q} '$ECAPTURE' "\$@"
	END
	chmod 755 "$D/by"
	ECAPTURE=$D/by launch "$@"
}

@test "no root: says which capabilities are missing" {
	EVENTS=/dev/null launch_as setpriv --reuid=65534 --clear-groups -- tls
	EVENTS=/dev/null refused 1 'CAP_BPF.*CAP_PERFMON'
}

@test "root without CAP_PERFMON: says that one" {
	# CAP_SYS_ADMIN holds both.
	launch_as setpriv --bounding-set=-perfmon,-sys_admin -- tls
	refused 1 'lacks CAP_PERFMON$'
}

@test "a library without the functions: says which were looked for" {
	local libz
	libz=$(ldconfig -p | awk '$1 == "libz.so.1" { print $NF; exit }')
	launch tls --libssl "$libz"
	refused 1 'libz.*SSL_read.*SSL_write'
}

@test "a file that is no ELF file" {
	launch tls --libssl "$here/lib.bash"
	refused 1 'lib\.bash.*ELF'
}

@test "--libssl of a file that is not there" {
	launch tls --libssl "$D/not-there.so"
	refused 2 'not-there\.so.*[Nn]o such file'
}

@test "--eventaddr in a directory that is not there" {
	EVENTS=$D/nowhere/events launch tls
	refused 1 'nowhere/events.*No such file'
}

# A configuration is believed only where nobody but root could have changed it.
ini() { # prints its name
	local dir
	dir=$(mktemp -d /var/lib/ecapture-e2e-ini.XXXXXX)
	cat >"$dir/bad.ini"
	echo "$dir/bad.ini"
}

@test "an ini file that is not there" {
	launch tls --config "$D/not-there.ini"
	refused 1 'not-there\.ini.*No such file'
}

@test "an ini file that cannot be read" {
	mkdir "$D/dir.ini"
	launch tls --config "$D/dir.ini"
	refused 1 'dir\.ini.*[Ii]s a directory'
}

@test "an ini file with a bad key: file, line and the nearest key" {
	local file
	file=$(printf '[global]\npid = 1\n\n[tls]\nexact-symbls = true\n' | ini)
	cleanups+=("rm -r '${file%/*}'")
	launch tls --config "$file"
	refused 2 'bad\.ini:5: .*exact-symbls.*exact-symbols'
}

@test "an ini file with a bad value: file, line and why" {
	local file
	file=$(printf '[global]\npid = seven\n' | ini)
	cleanups+=("rm -r '${file%/*}'")
	launch tls --config "$file"
	refused 2 'bad\.ini:2: .*pid.*seven'
}

@test "an ini file with a bad section: the nearest one" {
	local file
	file=$(printf '[global]\n[tlss]\nlibssl = x\n' | ini)
	cleanups+=("rm -r '${file%/*}'")
	launch tls --config "$file"
	refused 2 'bad\.ini:2: .*tlss.*tls'
}

@test "an ini file that others could have changed" {
	local file
	file=$(printf '[global]\n' | ini)
	cleanups+=("rm -r '${file%/*}'")
	chmod 666 "$file"
	launch tls --config "$file"
	refused 1 'bad\.ini.*writable by others'
}

@test "an unknown option: the nearest one" {
	launch tls --libsl /x
	refused 2 '--libsl.*--libssl'
}

@test "an unknown option without a command" {
	local status=0
	"$ECAPTURE" --libsl >"$D/out" 2>"$D/err" || status=$?
	same status 2 $status
	[ ! -s "$D/out" ]
	has_line "$D/err" 'unknown option --libsl'
}

@test "an unknown command: the nearest one" {
	launch tsl
	refused 2 'tsl.*tls'
}

@test "a value that is no number" {
	launch tls --pid seven
	refused 2 '--pid.*seven'
}

@test "an option without its value" {
	launch tls --libssl
	refused 2 'libssl'
}

@test "a full disk" {
	mkdir "$D/small"
	cat >"$D/in-small" <<-END
		#!/bin/sh
		mount -t tmpfs -o size=64k tmpfs '$D/small' && exec "\$@"
	END
	chmod 755 "$D/in-small"
	EVENTS=$D/small/events launch_as unshare --mount --propagation private "$D/in-small" -- tls
	attached
	ends_when_full '^error .*small/events.*No space left on device'
}

@test "/dev/full" {
	EVENTS=/dev/full capture tls
	ends_when_full '^error .*/dev/full.*No space left on device'
}

@test "a reader of standard output that goes away" {
	local status=0
	mkfifo "$D/pipe"
	head -c 1 <"$D/pipe" >/dev/null &
	processes+=($!)
	"$ECAPTURE" tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} -o json \
		>"$D/pipe" 2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	attached
	start load "$E2E_BIN/load" "$ID" 1 16384 0 200
	finish load
	wait_until 10 is_done "$ecapture_pid"
	wait "$ecapture_pid" || status=$?
	same "status" 1 $status
	has_line "$LOG" '^error .*Broken pipe' || { cat "$LOG"; return 1; }
}

@test "a reader that stands still: SIGINT ends the capture all the same, and says what is missing" {
	local status=0 begin pipe
	mkfifo "$D/pipe"
	exec {pipe}<>"$D/pipe"
	EVENTS=$D/pipe capture tls
	start load "$E2E_BIN/load" "$ID" 1 16384 0 400
	finish load
	begin=$(now_ms)
	kill -INT "$ecapture_pid"
	wait_until 10 is_done "$ecapture_pid"
	[ $(($(now_ms) - begin)) -le "${E2E_STOP_MS:-2000}" ]
	wait "$ecapture_pid" || status=$?
	same "status" 1 $status
	has_line "$LOG" '^error .*not written' || { cat "$LOG"; return 1; }
	exec {pipe}>&-
}

@test "a terminal gets no control characters" {
	start tty script -qfc "stty -echo; '$ECAPTURE' tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir '$ECAPTURE_PLUGIN_DIR'} 2>'$LOG'" /dev/null
	wait_until 20 has_line "$LOG" capturing
	start load "$E2E_BIN/load" "$ID"$'\e]0;title\a\x01' 1 256 0 3
	finish load
	expect tty "$ID"
	end_process "${pid_of[tty]}"
	! grep -q $'\e]0;title' "$D/tty.out"
	! grep -q $'[\a\x01]' "$D/tty.out"
}
