#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Key log mode beside tcpdump: with our lines tshark finds in its file all the requests that were
# made, with their bodies.

load lib
load keylog
load negotiate
load http

setup_file() { e2e_setup_file; }
setup() {
	e2e_setup
	command -v tcpdump >/dev/null || skip "tcpdump is not installed"
	command -v tshark >/dev/null || skip "tshark is not installed"
}
teardown() { e2e_teardown; }

judge() { # OPTION...
	tshark -r "$D/packets" -o "tls.keylog_file:$D/keys" "$@" 2>"$D/tshark.err"
}

@test "HTTP/1.1 of curl, python3, node, BoringSSL and s_client, TLS 1.0 to 1.3" {
	local n
	start_nginx
	capture tls -m keylog -k "$D/keys"
	dump "tcp port $PORT"
	requests_of_programs
	end_dump
	stop_capture
	found http.request.uri http.file_data http.request
	n=$(wc -l <"$D/made")
	[ "$n" -ge 7 ]
	same answers "$n" "$(judge -d "tcp.port==$PORT,tls" -Y 'http.response.code == 200' | wc -l)"
}

@test "HTTP/2" {
	local i
	start_nginx
	capture tls -m keylog -k "$D/keys"
	dump "tcp port $PORT"
	for i in 1 2 3; do
		post_by_curl "h2-$i" --http2
	done
	end_dump
	stop_capture
	cut -f 1 "$D/made" | sort >"$D/expected"
	judge -d "tcp.port==$PORT,tls" -Y 'http2.headers.method == "POST"' -T fields \
		-e http2.headers.path | sort | diff -u "$D/expected" -
}

@test "TLS 1.2 with RSA key exchanges: by their RSA lines alone" {
	local suite
	certificate "$D/rsa" rsa:2048
	E2E_CERT=$D/rsa.pem E2E_KEY=$D/rsa.key start_nginx
	capture tls -m keylog -k "$D/all"
	dump "tcp port $PORT"
	for suite in AES128-SHA AES256-SHA256 AES256-GCM-SHA384; do
		post_by_curl "$suite" --http1.1 --tls-max 1.2 --ciphers "$suite"
	done
	end_dump
	stop_capture
	grep '^RSA ' "$D/all" >"$D/keys"
	found http.request.uri http.file_data http.request
}

# live: a tshark that captures, and has the keys from there while it does.
live() {
	start tshark tshark -l -i lo -f "tcp port $PORT" -o "tls.keylog_file:$D/keys" \
		-d "tcp.port==$PORT,tls" -Y http.request -T fields -e http.request.uri
	wait_until 20 has_line "$D/tshark.err" "^Capturing on"
}

# One that comes before the key of it is there stays as it is: ask again.
request_is_shown() {
	post_by_curl live --http1.1
	sleep 0.5
	has_line "$D/tshark.out" "^/$(marker live)"
}

@test "tshark that captures itself, with a file that grows" {
	start_nginx
	live
	capture tls -m keylog -k "$D/keys"
	wait_until 20 request_is_shown
	stop_capture
}

asked_and_attached() {
	get --http1.1
	sleep 0.2
	has_line "$LOG" capturing
}

# It opens the FIFO with the first packet of TLS, and reads it to its end before it goes on.
@test "tshark that captures itself, with a FIFO" {
	start_nginx
	mkfifo "$D/keys"
	live
	launch tls -m keylog -k "$D/keys"
	wait_until 20 asked_and_attached
	post_by_curl one --http1.1
	post_by_curl two --http1.1
	stop_capture
	expect tshark "^/$(marker one)" >/dev/null
	expect tshark "^/$(marker two)" >/dev/null
}
