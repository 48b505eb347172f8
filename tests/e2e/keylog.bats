#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Key log mode: the secrets of a connection are those that the program itself writes where it is
# asked to (SSLKEYLOGFILE), as a set, each once, whichever of the two ends was asked.

load lib
load keylog

setup_file() { e2e_setup_file; }
setup() { e2e_setup; }
teardown() { e2e_teardown; }

@test "curl with TLS 1.3 and 1.2: the secrets that curl itself writes" {
	local i
	serve
	capture tls -m keylog -k "$D/keys"
	for i in 1 2 3; do
		get
		get --tls-max 1.2
	done
	get --tls-max 1.2 --ciphers ECDHE-ECDSA-AES256-SHA
	stop_capture
	same_keys 18
	same mode 600 "$(stat -c %a "$D/keys")"
	has_line "$LOG" 'secrets written: '
}

@test "TLS 1.0 and 1.1, and another group" {
	serve -www -tls1 -cipher DEFAULT@SECLEVEL=0
	capture tls -m keylog -k "$D/keys"
	get --tlsv1.0 --ciphers DEFAULT@SECLEVEL=0
	end_process "${pid_of[server]}"
	serve -www -tls1_1 -cipher DEFAULT@SECLEVEL=0
	get --tlsv1.0 --ciphers DEFAULT@SECLEVEL=0
	end_process "${pid_of[server]}"
	serve -www -groups P-384
	get --curves P-384
	stop_capture
	same_keys 7
}

@test "resumption by ticket and by id, and early data" {
	serve -early_data
	capture tls -m keylog -k "$D/keys"
	# Tickets come behind the handshake.
	sleep 0.5 | client -sess_out "$D/session"
	echo "$ID" >"$D/early"
	sleep 0.5 | client -sess_in "$D/session" -early_data "$D/early"
	has_line "$D/client.out" 'Early data was accepted'
	sleep 0.5 | client -tls1_2 -sess_out "$D/session12"
	sleep 0.5 | client -tls1_2 -sess_in "$D/session12"
	has_line "$D/client.out" '^Reused'
	sleep 0.5 | client -tls1_2 -no_ticket -sess_out "$D/session12"
	sleep 0.5 | client -tls1_2 -no_ticket -sess_in "$D/session12"
	stop_capture
	same_keys 14
	grep -q '^CLIENT_EARLY_TRAFFIC_SECRET ' "$D/keys"
}

@test "python3, which uses the library of another file" {
	serve
	capture tls -m keylog -k "$D/keys" --comm python3
	SSLKEYLOGFILE=$D/own python3 -c "import ssl, socket
c = ssl.create_default_context(cafile='$E2E_CERT')
s = c.wrap_socket(socket.create_connection(('127.0.0.1', $PORT)), server_hostname='localhost')
s.send(b'GET / HTTP/1.0\r\n\r\n')
while s.recv(4096): pass"
	stop_capture
	same_keys 5
}

@test "node with OpenSSL inside" {
	needs_node
	serve
	capture tls -m keylog -k "$D/keys" --libssl "$NODE"
	"$NODE" --tls-keylog="$D/own" -e "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
require('https').get('https://127.0.0.1:$PORT/', r => r.resume())" 2>"$D/node.err"
	stop_capture
	same_keys 5
}

@test "BoringSSL" {
	command -v bssl-tool >/dev/null || skip "bssl-tool is not installed (android-boringssl)"
	serve
	capture tls -m keylog -k "$D/keys"
	printf 'GET / HTTP/1.0\r\n\r\n' | SSLKEYLOGFILE=$D/own timeout 10 bssl-tool client \
		-connect "127.0.0.1:$PORT" -test-resumption >"$D/client.out" 2>&1
	stop_capture
	same_keys 10
}

@test "stripped BoringSSL inside a Python module" {
	needs_build grpcio
	capture tls -m keylog -k "$D/keys" --libssl "$BUILD"
	stop_capture
	has_line "$LOG" 'grpc.*: keys, 1 probes'
}

@test "to standard output, and to a FIFO that is read" {
	serve
	mkfifo "$D/fifo"
	cat "$D/fifo" >"$D/keys" &
	processes+=($!)
	capture tls -m keylog -k "$D/fifo"
	get
	stop_capture
	same_keys 5

	rm "$D/own"
	LOG=$D/second.log
	"$ECAPTURE" tls -m keylog -k - ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} \
		>"$D/keys" 2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	attached
	get
	wait_until 5 has_line "$D/keys" "EXPORTER_SECRET $(awk '!/^#/ { print $2; exit }' "$D/own")"
	same_keys 5
	! grep -vE '^[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]+$' "$D/keys"
}

@test "a FIFO: waits for its reader, and can be told not to" {
	serve
	mkfifo "$D/fifo"
	launch tls -m keylog -k "$D/fifo"
	wait_until 10 has_line "$LOG" 'info host: .*fifo: waiting until somebody reads this FIFO'
	kill -INT "$ecapture_pid"
	refused 1 'fifo: nobody reads this FIFO'
	launch tls -m keylog -k "$D/fifo"
	wait_until 10 has_line "$LOG" 'waiting until somebody reads'
	cat "$D/fifo" >"$D/keys" &
	processes+=($!)
	attached
	get
	stop_capture
	same_keys 5
}

@test "a build in which the key log function is part of its callers" {
	cc -std=gnu11 -D_GNU_SOURCE -O2 -s "$here/programs/inlined.c" -o "$D/inlined"
	"$ECAPTURE" --plugin-dir "$ECAPTURE_PLUGIN_DIR" modules probe "$D/inlined" tls >"$D/probed"
	has_line "$D/probed" '6 labels; client random is an argument'
	start inlined "$D/inlined" "$D/lines"
	expect inlined '^pid='
	capture tls -m keylog -k "$D/keys" --libssl "$D/inlined"
	say inlined go
	wait_until 10 is_done "${pid_of[inlined]}"
	stop_capture
	[ "$(grep -c '^RSA' "$D/lines")" -eq 2 ]
	diff -u <(grep -v '^RSA' "$D/lines" | sort) <(sort "$D/keys")
}

@test "a library without a key log function: says what was looked for" {
	local libz
	libz=$(ldconfig -p | awk '$1 == "libz.so.1" { print $NF; exit }')
	launch tls -m keylog -k "$D/keys" --libssl "$libz"
	refused 1 'libz.*no label of a key log'
}

@test "a full disk" {
	serve
	capture tls -m keylog -k /dev/full
	get || true
	wait_until 10 is_done "$ecapture_pid"
	local status=0
	wait "$ecapture_pid" || status=$?
	same status 1 $status
	has_line "$LOG" '^error .*/dev/full.*No space left on device'
}
