#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Key log mode with all that OpenSSL can negotiate, and what can happen in a connection: the lines
# are those that the client itself writes (s_client -keylogfile), as a set, each once.

load lib
load keylog
load negotiate

setup_file() {
	e2e_setup_file
	make_certificates
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

@test "TLS 1.2: each cipher suite" {
	local list
	serve_all -dcert "$E2E_RSA.pem" -dkey "$E2E_RSA.key"
	capture tls -m keylog -k "$D/keys"
	every tls1_2 100
	end_process "${pid_of[server]}"
	serve_all -cert "$E2E_DSA.pem" -key "$E2E_DSA.key"
	mapfile -t list < <(suites tls1_2 Au=DSS)
	negotiate tls1_2 "${list[@]}"
	stop_capture
	none_older
	same_keys 130
	mapfile -t list < <(suites tls1_2 'Kx=RSA(PSK)? ')
	[ ${#list[@]} -ge 15 ]
	same "lines of RSA key exchanges" ${#list[@]} "$(grep -c '^RSA ' "$D/found")"
}

@test "TLS 1.0 and 1.1: each cipher suite" {
	serve_all -dcert "$E2E_RSA.pem" -dkey "$E2E_RSA.key"
	capture tls -m keylog -k "$D/keys"
	every tls1 30
	every tls1_1 30
	stop_capture
	none_older
	same_keys 60
}

@test "TLS 1.3: each cipher suite, each group, external PSK" {
	local suite group
	serve_all -groups X25519:P-256:P-384:P-521:X448:ffdhe2048
	capture tls -m keylog -k "$D/keys"
	for suite in ${EVERY_TLS13//:/ }; do
		client -tls1_3 -ciphersuites "$suite" </dev/null
		has_line "$D/client.out" "Cipher is $suite\$"
	done
	for group in X25519 P-256 P-384 P-521 X448 ffdhe2048; do
		client -tls1_3 -groups "$group" </dev/null
	done
	# A group that is asked for in a second hello.
	client -tls1_3 -groups ffdhe3072:P-384 </dev/null
	client -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -psk "$PSK" </dev/null
	has_line "$D/client.out" '^Reused, TLSv1.3'
	stop_capture
	none_older
	same_keys 65
}

@test "TLS 1.3: key updates of both sides, with what OpenSSL tells of them" {
	serve -rev
	capture tls -m keylog -k "$D/keys"
	talk -tls1_3
	answered one
	say talk K
	wait_until 10 has_line "$D/talk.err" KEYUPDATE
	answered two
	say talk k
	wait_until 10 twice_updated
	answered three
	say talk Q
	finish talk
	stop_capture
	# Readers derive these from the first; that OpenSSL names them all _N does no harm.
	same_keys 8
	same updates 3 "$(grep -c TRAFFIC_SECRET_N "$D/found")"
}

@test "TLS 1.2: renegotiation is another handshake with another line" {
	serve -rev -client_renegotiation
	capture tls -m keylog -k "$D/keys"
	talk -tls1_2
	answered one
	say talk R
	wait_until 10 has_line "$D/talk.err" RENEGOTIATING
	answered two
	say talk Q
	finish talk
	stop_capture
	none_older
	same_keys 2
}

@test "client certificates, in the handshake and behind it" {
	serve -rev -Verify 1
	capture tls -m keylog -k "$D/keys"
	client -tls1_2 -cert "$E2E_RSA.pem" -key "$E2E_RSA.key" </dev/null
	client -tls1_3 -cert "$E2E_RSA.pem" -key "$E2E_RSA.key" </dev/null
	end_process "${pid_of[server]}"
	serve -verify 1
	talk -tls1_3 -enable_pha -cert "$E2E_RSA.pem" -key "$E2E_RSA.key"
	say server c
	say talk "$ID"
	expect server "$ID" >/dev/null
	say talk Q
	finish talk
	stop_capture
	none_older
	same_keys 11
}

@test "DTLS 1.0 and 1.2" {
	local version
	capture tls -m keylog -k "$D/keys"
	for version in dtls1_2 dtls1; do
		PORT=$(free_port)
		start server openssl s_server -"$version" -accept "127.0.0.1:$PORT" -cert "$E2E_CERT" \
			-key "$E2E_KEY" -cipher DEFAULT:@SECLEVEL=0
		expect server '^ACCEPT' >/dev/null
		talk -"$version" -cipher DEFAULT:@SECLEVEL=0
		say talk "$ID"
		expect server "$ID" >/dev/null
		say talk Q
		finish talk
		end_process "${pid_of[server]}"
	done
	stop_capture
	none_older
	same_keys 2
}
