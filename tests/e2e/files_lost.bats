#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Files of keys and packets that cannot be written, or that are gone: told, with status 1, in time.

load lib
load keylog

setup_file() { e2e_setup_file; }
setup() {
	e2e_setup
	serve
}
teardown() { e2e_teardown; }

# ends_with PATTERN: status 1, and one error, which matches.
ends_with() {
	local status=0
	wait_until 10 is_done "$ecapture_pid"
	wait "$ecapture_pid" || status=$?
	same status 1 $status
	same "lines of error" 1 "$(grep -c '^error ' "$LOG")"
	has_line "$LOG" "^error .*$1" || { cat "$LOG"; return 1; }
}

@test "a key log in a FIFO whose reader stands still does not keep ecapture" {
	mkfifo "$D/fifo"
	sleep 600 <>"$D/fifo" &
	processes+=($!)
	timeout 1 cat /dev/zero >"$D/fifo" || true # until it is full
	capture tls -m keylog -k "$D/fifo"
	get
	kill -INT "$ecapture_pid"
	ends_with 'key log .*/fifo: its reader does not read, [0-9]* bytes not written'
}

@test "standard output that is closed: nothing else gets the keys" {
	"$ECAPTURE" tls -m keylog -k - ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} \
		2>"$LOG" >&- </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	attached
	get
	ends_with 'key log standard output: it is closed, or packets go there, [0-9]* bytes not written'
}

@test "files that somebody removes" {
	capture tls -m keylog -k "$D/keys"
	get
	wait_until 10 test -s "$D/keys"
	rm "$D/keys"
	kill -INT "$ecapture_pid"
	ends_with "key log $D/keys: somebody removed it"
	capture tls -m pcapng -i lo -w "$D/packets" tcp port "$PORT"
	rm "$D/packets"
	kill -INT "$ecapture_pid"
	ends_with "packet file $D/packets: somebody removed it"
}

@test "ulimit -f: an error and not a signal" {
	(
		ulimit -f 0
		exec "$ECAPTURE" tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} \
			-m pcapng -i lo -w "$D/packets" 2>&1 </dev/null 3>&- 4>&-
	) > >(cat >"$LOG") &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	wait_until 10 has_line "$LOG" '^error '
	ends_with 'packets: File too large, [0-9]* bytes not written'
}

@test "nothing is written through a link that another user laid" {
	local option
	mkdir -m 1777 "$D/public"
	echo precious >"$D/precious"
	ln -s "$D/precious" "$D/public/link"
	chown -h nobody "$D/public/link"
	for option in --logaddr --record --keylogfile; do
		launch tls -m keylog "$option" "$D/public/link"
		refused 1 'public/link: refused: "link" is a link that belongs to uid'
		same "what it leads to" precious "$(cat "$D/precious")"
	done
}
