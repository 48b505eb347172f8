#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Key log mode and connections that were there before it: what TLS 1.2 and older still know is told
# as soon as data moves, what TLS 1.3 does not is said once for each process.

load lib
load keylog

setup_file() { e2e_setup_file; }
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# Connections that stand while nobody captures.
talk() { # NAME OPTION...
	start "$1" "${OPENSSL:-openssl}" s_client -connect "127.0.0.1:$PORT" \
		-keylogfile "$D/own" "${@:2}"
	expect "$1" '^ *Verify return code' >/dev/null
}

answered() { # NAME TEXT
	say "$1" "$2"
	expect "$1" "^$(rev <<<"$2")\$" >/dev/null
}

nothing_yet() {
	[ ! -s "$D/keys" ] || ! grep -q -F -f <(awk '!/^#/ { print $2 }' "$D/own") "$D/keys"
}

@test "TLS 1.0 to 1.2: the line of the handshake, when data moves" {
	local version
	# One server holds one connection.
	for version in tls1 tls1_1 tls1_2; do
		serve -rev -cipher DEFAULT:@SECLEVEL=0
		talk $version -$version -cipher DEFAULT:@SECLEVEL=0
	done
	capture tls -m keylog -k "$D/keys"
	nothing_yet
	for version in tls1 tls1_1 tls1_2; do
		answered $version one
		answered $version two
	done
	stop_capture
	same_keys 3
	# Server and client each told the same.
	has_line "$LOG" 'secrets from before the start: 3'
	! has_line "$LOG" 'which stay encrypted'
}

@test "TLS 1.2: packets of the whole connection are decrypted, those before the start too" {
	command -v tshark >/dev/null || skip "tshark is not installed"
	serve -rev
	dump "tcp port $PORT"
	talk older -tls1_2
	answered older "$(marker before)"
	capture tls -m keylog -k "$D/keys"
	answered older "$(marker since)"
	end_dump
	stop_capture
	tshark -r "$D/packets" -o "tls.keylog_file:$D/keys" -d "tcp.port==$PORT,tls" -q \
		-z follow,tls,ascii,0 >"$D/shown" 2>"$D/tshark.err"
	for text in "$(marker before)" "$(marker since)"; do
		has_line "$D/shown" "$text"
		has_line "$D/shown" "$(rev <<<"$text")"
	done
}

@test "only one end is watched, and a resumed session" {
	serve -rev
	sleep 0.5 | client -tls1_2 -sess_out "$D/session"
	rm "$D/own"
	talk resumed -tls1_2 -sess_in "$D/session"
	expect resumed '^Reused' >/dev/null
	capture tls -m keylog -k "$D/keys" --pid "${pid_of[server]}"
	answered resumed one
	stop_capture
	same_keys 1
}

@test "a renegotiation since the start is told by its own line" {
	serve -rev -client_renegotiation
	talk again -tls1_2
	capture tls -m keylog -k "$D/keys"
	say again R
	wait_until 10 has_line "$D/again.err" RENEGOTIATING
	answered again one
	stop_capture
	# That of the first handshake is gone with it.
	sed -i '/^CLIENT_RANDOM/ { x; s/^/x/; /^x$/ { x; d }; x }' "$D/own"
	same_keys 1
}

@test "TLS 1.3: said once, no line; new connections have theirs" {
	serve -rev
	talk older -tls1_3
	capture tls -m keylog -k "$D/keys"
	answered older one
	answered older two
	say older K
	wait_until 10 has_line "$D/older.err" KEYUPDATE
	answered older three
	nothing_but_updates
	rm "$D/own"
	say older Q
	finish older
	client -tls1_3 </dev/null
	stop_capture
	same_keys 5
	said_once "${pid_of[older]}" openssl 'TLS 1.3 keeps no secret'
	said_once "${pid_of[server]}" openssl 'TLS 1.3 keeps no secret'
}

said_once() { # PID COMM WHY
	same "times said of $1" 1 "$(grep -c "^warning tls: process $1 ($2) .* from before the start, which stay encrypted: .*$3" "$LOG")"
}

# What updates the keys of a connection is a new secret, whenever that began.
nothing_but_updates() {
	! grep -F -f <(awk '!/^#/ { print $2 }' "$D/own") "$D/keys" | grep -v TRAFFIC_SECRET_N
}

@test "python3" {
	serve -rev
	start python python3 -c "import ssl, socket, sys
c = ssl.create_default_context(cafile='$E2E_CERT')
c.maximum_version = ssl.TLSVersion.TLSv1_2
c.keylog_filename = '$D/own'
s = c.wrap_socket(socket.create_connection(('127.0.0.1', $PORT)), server_hostname='localhost')
print('connected', flush=True)
for line in sys.stdin:
	s.send(line.encode())
	print(s.recv(4096).decode(), flush=True)"
	expect python connected >/dev/null
	capture tls -m keylog -k "$D/keys" --comm python3
	answered python one
	stop_capture
	same_keys 1
}

@test "a child that goes on with its parent's connection is not older" {
	serve -rev
	start python python3 -c "import os, ssl, socket, sys
c = ssl.create_default_context(cafile='$E2E_CERT')
c.keylog_filename = '$D/own'
sys.stdin.readline()
s = c.wrap_socket(socket.create_connection(('127.0.0.1', $PORT)), server_hostname='localhost')
child = os.fork()
if child:
	os.waitpid(child, 0)
else:
	s.send(b'one\n')
	print(s.recv(4096).decode(), os.getpid(), flush=True)"
	capture tls -m keylog -k "$D/keys"
	say python go
	finish python
	pid_of[child]=$(expect python '^ *[0-9]' | tr -d ' ')
	stop_capture
	none_older
	same_keys 5
	unset 'pid_of[child]'
}

@test "BoringSSL" {
	command -v bssl-tool >/dev/null || skip "bssl-tool is not installed (android-boringssl)"
	serve -rev
	OPENSSL=
	SSLKEYLOGFILE=$D/own start bssl bssl-tool client -connect "127.0.0.1:$PORT" -max-version tls1.2
	wait_until 10 has_line "$D/own" CLIENT_RANDOM
	wait_until 10 has_line "$D/bssl.err" Connected
	capture tls -m keylog -k "$D/keys" --comm bssl-tool
	answered bssl one
	stop_capture
	same_keys 1
}

@test "a library without getters: said once" {
	needs_build grpcio
	local top
	top=$(dirname "$(dirname "$(dirname "$BUILD")")")
	start grpc env PYTHONPATH="$top" python3 "$here/programs/grpc_talk.py" "$E2E_CERT" "$E2E_KEY"
	say grpc one
	expect grpc '^eno$' >/dev/null
	capture tls -m keylog -k "$D/keys" --libssl "$BUILD"
	say grpc two
	expect grpc '^owt$' >/dev/null
	say grpc three
	expect grpc '^eerht$' >/dev/null
	stop_capture
	said_once "${pid_of[grpc]}" '.*' 'does not show where'
	[ ! -s "$D/keys" ]
}

# How many probes ecapture holds.
n_links() {
	bpf_objects "$ecapture_pid" | grep -c '^link'
}

@test "the probes for it leave once nothing of that kind is seen; secrets are still told" {
	local before
	serve -rev
	capture tls -m keylog -k "$D/keys" --debug
	before=$(n_links)
	# More calls than it takes, on one CPU.
	head -c 400M /dev/zero | tr '\0' '\n' | taskset -c 0 openssl s_client -quiet -no_ign_eof \
		-connect "127.0.0.1:$PORT" >"$D/client.out" 2>&1 &
	processes+=($!)
	wait_until 60 has_line "$LOG" 'looked for no more'
	end_process "$!"
	[ "$(n_links)" -lt "$before" ] || { echo "$(n_links) probes of $before"; return 1; }
	end_process "${pid_of[server]}"
	serve -rev
	client -tls1_3 </dev/null
	stop_capture
	same_keys 5
}
