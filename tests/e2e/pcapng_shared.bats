#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One packet file for two modules of one process: it is captured once, and has the secrets of both;
# keys and packets at the same time; and two processes, of which only one may write the file.

load lib
load keylog

setup_file() {
	command -v tshark >/dev/null || skip "tshark is not installed"
	e2e_setup_file
	second_module
}
teardown_file() {
	[ -z "${MODULES_DIR:-}" ] || rm -r "$MODULES_DIR"
}
setup() {
	e2e_setup
	serve
	FILE=$D/packets.pcapng
}
teardown() { e2e_teardown; }

# packets_of NAME PATH: a section of a module that writes packets.
packets_of() {
	printf '[%s]\nenabled = yes\nmodel = pcapng\npcapfile = %s\nifname = lo\nfilter = tcp port %s\n' \
		"$1" "$2" "$PORT"
}

fetch() { # NAME...
	local name
	for name; do
		SSLKEYLOGFILE=$D/own curl -sk -o /dev/null "https://127.0.0.1:$PORT/$(marker "$name")"
	done
}

fields() { # FILTER FIELD
	tshark -n -r "$FILE" -d "tcp.port==$PORT,tls" -Y "$1" -T fields -e "$2" 2>"$D/tshark.err"
}

# The requests NAME..., each once, and nothing that was captured twice.
requests() {
	local name
	for name; do
		echo "/$(marker "$name")"
	done | sort >"$D/expected"
	fields http.request http.request.uri | sort | diff -u "$D/expected" -
	same "packets that are there twice" "" "$(fields 'tcp.analysis.retransmission || tcp.analysis.duplicate_ack' frame.number)"
	capinfos "$FILE" >"$D/capinfos" 2>&1
}

# The lines in the file, as same_keys looks at them.
take_keys() {
	strings -n 60 "$FILE" | grep -oE '^[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]+$' >"$D/keys"
}

@test "two modules, one packet file by two names" {
	touch "$FILE"
	ln -s packets.pcapng "$D/link"
	{
		packets_of tls "$FILE"
		packets_of again "$D/link"
	} >"$MODULES_DIR/run.ini"
	run_two
	fetch one two three
	bpf_objects "$ecapture_pid" >"$D/bpf"
	kill -INT "$ecapture_pid"
	finish_well
	requests one two three
	take_keys
	same_keys 15
	same "captures" 1 "$(grep -c "$FILE: [0-9]* packets" "$LOG")"
	wait_until 3 no_bpf_left
}

finish_well() {
	local status=0
	wait_until 10 is_done "$ecapture_pid"
	wait "$ecapture_pid" || status=$?
	[ $status = 0 ] || { cat "$LOG"; return 1; }
}

@test "one module writes packets, the other a key log of the same" {
	{
		packets_of tls "$FILE"
		printf '[again]\nenabled = yes\nmodel = keylog\nkeylogfile = %s\n' "$D/keys"
	} >"$MODULES_DIR/run.ini"
	run_two
	fetch one two
	kill -INT "$ecapture_pid"
	finish_well
	requests one two
	same_keys 10
	take_keys
	same_keys 10
}

@test "packets and a key log on standard output: the packets only" {
	local status=0
	{
		packets_of tls -
		printf '[again]\nenabled = yes\nmodel = keylog\nkeylogfile = -\n'
	} >"$MODULES_DIR/run.ini"
	launch_two
	wait_until 20 says_or_ended '^info again: capturing' # after the other
	fetch one # if others' keys have not come first
	wait_until 10 is_done "$ecapture_pid"
	wait "$ecapture_pid" || status=$?
	same status 1 $status
	has_line "$LOG" '^error again: key log standard output: it is closed, or packets go there'
	capinfos "$D/ecapture.out" >"$D/capinfos" 2>&1
}

@test "two modules that want different packets in one file: which option, and status 2" {
	{
		packets_of tls "$FILE"
		packets_of again "$FILE" | sed 's/^filter.*/filter = udp/'
	} >"$MODULES_DIR/run.ini"
	launch_two
	refused 2 'again: .*packets.pcapng: another module writes this file with another value of the packet filter'
}

@test "two processes: the second may write neither packets nor keys to the file" {
	local first log
	capture tls -m pcapng -w "$FILE" -i lo tcp port "$PORT"
	first=$ecapture_pid log=$LOG
	fetch one
	LOG=$D/second.log
	launch tls -m pcapng -w "$FILE" -i lo
	refused 1 'packets.pcapng: in use, an ecapture writes to it; name another file'
	LOG=$D/third.log
	launch tls -m keylog -k "$FILE"
	refused 1 'packets.pcapng: in use, an ecapture writes packets to it; name another file'
	LOG=$D/fourth.log
	launch tls --eventaddr "$FILE"
	refused 1 'packets.pcapng: in use, an ecapture writes packets to it; name another file'
	fetch two
	ecapture_pid=$first LOG=$log
	stop_capture
	requests one two
}
