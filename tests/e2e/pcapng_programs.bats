#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Packet mode with many programs and all that OpenSSL can negotiate: tshark finds the requests that
# were made, with their bodies, and the answers, from the file alone.

load lib
load keylog
load negotiate
load http

setup_file() {
	command -v tshark >/dev/null || skip "tshark is not installed"
	e2e_setup_file
	make_certificates
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# packets OPTION...: captures into $D/packets.
packets() {
	capture tls -m pcapng -i lo -w "$D/packets" "$@"
}

judge() { # OPTION...
	tshark -n -r "$D/packets" "$@" 2>"$D/tshark.err"
}

# Each request of $D/made once, with its body, and each answer once.
all_found() {
	found http.request.uri http.file_data "http.request && tcp.dstport == $PORT"
	answers_found "$D/made"
}

# answers_found LIST: nginx and serve_files answer "re:" and the path.
answers_found() {
	judge -d "tcp.port==$PORT,tls" -Y "http.response && tcp.srcport == $PORT" -T fields \
		-e http.file_data | sed 's/^re://' | sort >"$D/shown"
	cut -f 1 "$1" | sort | diff -u - "$D/shown"
}

# The secrets in the file are those that the programs wrote, at least N, and each once.
same_secrets() { # N
	grep -a -o -E '([A-Z][A-Z0-9_]+ [0-9a-f]{64}|RSA [0-9a-f]{16}) [0-9a-f]{64,96}' "$D/packets" \
		>"$D/keys"
	same_keys "$1"
}

@test "curl, nginx, python3, node, BoringSSL and s_client, TLS 1.0 to 1.3, with a filter" {
	start_nginx
	packets tcp port "$PORT"
	requests_of_programs
	stop_capture
	all_found
	[ "$(wc -l <"$D/made")" -ge 7 ]
}

@test "the same without a filter" {
	start_nginx
	packets
	requests_of_programs
	stop_capture
	all_found
	[ "$(wc -l <"$D/made")" -ge 7 ]
}

@test "node with OpenSSL inside" {
	needs_node
	start_nginx
	packets --libssl "$NODE" tcp port "$PORT"
	post_by_node
	stop_capture
	all_found
	same requests 1 "$(wc -l <"$D/made")"
}

# A short request by s_client, which stays for the answer, and for tickets.
post() { # NAME OPTION...
	request "$1" 1000
	(cat "$D/$1"; sleep 0.5) | client "${@:2}"
}

@test "OpenSSL 3.5" {
	needs_openssl35
	start_nginx
	packets --libssl "$OPENSSL35/libssl.so.3" tcp port "$PORT"
	LD_LIBRARY_PATH=$OPENSSL35 post one -tls1_2
	LD_LIBRARY_PATH=$OPENSSL35 post two -tls1_3
	stop_capture
	all_found
	same_secrets 6
}

# serve_files OPTION...: s_server that sends files of $D/www, each with the head of its answer.
serve_files() {
	mkdir -p "$D/www"
	pushd "$D/www" >/dev/null
	serve -HTTP -psk "$PSK" -cipher "$EVERYTHING" -ciphersuites "$EVERY_TLS13" "$@"
	popd >/dev/null
}

# A request for a file that is there by then; at once, for the server answers its first line and ends.
words_for() { # VERSION SUITE
	local path
	path=$(marker "$1-$2")
	printf 'HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\nre:/%s' $((${#path} + 4)) "$path" \
		>"$D/www/$path"
	printf '/%s\t%s\n' "$path" "$(sha256sum </dev/null | cut -c-64)" >>"$D/made"
	printf 'GET /%s HTTP/1.0\r\n\r\n' "$path" >"$D/words"
	cat "$D/words"
}

# What tshark 4.0 does not decrypt: it knows no ARIA. The same are missing when it has the client's
# own key log, and nothing of ours.
UNKNOWN=-ARIA...-GCM-

missing_with_own_log() {
	editcap --discard-all-secrets "$D/packets" "$D/bare"
	tshark -n -r "$D/bare" -o "tls.keylog_file:$D/own" -d "tcp.port==$PORT,tls" -Y http.request \
		-T fields -e http.request.uri 2>"$D/tshark.err" | sort >"$D/by_own"
	cut -f 1 "$D/made" | sort | comm -13 "$D/by_own" - >"$D/not_by_own"
	grep -e "$UNKNOWN" "$D/made" | cut -f 1 | sort | diff -u - "$D/not_by_own"
}

# All that were made, but for those of the suites that tshark lacks.
found_what_is_known() {
	cp "$D/made" "$D/all"
	grep -v -e "$UNKNOWN" "$D/all" >"$D/made"
	all_found
	mv "$D/all" "$D/made"
}

@test "TLS 1.0 to 1.2: each cipher suite" {
	client_options=(-ign_eof)
	serve_files -dcert "$E2E_RSA.pem" -dkey "$E2E_RSA.key"
	packets tcp port "$PORT"
	every tls1_2 100
	every tls1 30
	every tls1_1 30
	stop_capture
	found_what_is_known
	missing_with_own_log
	same_secrets 160
}

@test "TLS 1.2: each cipher suite with DSS" {
	local list
	client_options=(-ign_eof)
	serve_files -cert "$E2E_DSA.pem" -key "$E2E_DSA.key"
	packets tcp port "$PORT"
	mapfile -t list < <(suites tls1_2 Au=DSS)
	[ ${#list[@]} -ge 10 ]
	negotiate tls1_2 "${list[@]}"
	stop_capture
	found_what_is_known
	missing_with_own_log
	same_secrets ${#list[@]}
}

# ask NAME OPTION...: a request for a file of that name, by s_client.
ask() {
	words_for "$1" file | client -ign_eof "${@:2}"
}

@test "TLS 1.3: each cipher suite and group, external PSK" {
	local suite group
	serve_files -groups X25519:P-256:P-384:P-521:X448:ffdhe2048
	packets tcp port "$PORT"
	for suite in ${EVERY_TLS13//:/ }; do
		ask "$suite" -tls1_3 -ciphersuites "$suite"
		has_line "$D/client.out" "Cipher is $suite\$"
	done
	for group in X25519 P-256 P-384 P-521 X448 ffdhe2048 ffdhe3072:P-384; do
		ask "${group/:/-}" -tls1_3 -groups "$group"
	done
	ask psk -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -psk "$PSK"
	has_line "$D/client.out" '^Reused, TLSv1.3'
	stop_capture
	all_found
	same_secrets 65
}

@test "resumption by ticket and by id, and early data" {
	start_nginx
	packets tcp port "$PORT"
	post first -tls1_3 -sess_out "$D/session"
	post ticket -tls1_3 -sess_in "$D/session"
	has_line "$D/client.out" '^Reused, TLSv1.3'
	post again -tls1_3 -sess_out "$D/session"
	request early 1000
	sleep 0.5 | client -tls1_3 -sess_in "$D/session" -early_data "$D/early"
	has_line "$D/client.out" 'Early data was accepted'
	post first12 -tls1_2 -sess_out "$D/session12"
	post ticket12 -tls1_2 -sess_in "$D/session12"
	has_line "$D/client.out" '^Reused, TLSv1.2'
	post no_ticket -tls1_2 -no_ticket -sess_out "$D/session12"
	post id -tls1_2 -no_ticket -sess_in "$D/session12"
	has_line "$D/client.out" '^Reused, TLSv1.2'
	stop_capture
	all_found
	same_secrets 24
	has_line "$D/keys" '^CLIENT_EARLY_TRAFFIC_SECRET '
}

# What is not HTTP, as tshark shows it.
text_of() { # PORT_TYPE PROTOCOL
	local line
	judge -d "$1.port==$PORT,$2" -Y data -T fields -e data.data | while read -r line; do
		printf %b "$(sed 's/../\\x&/g' <<<"$line")"
	done
}

@test "TLS 1.3: key updates of both sides; TLS 1.2: renegotiation" {
	local name
	serve -rev -client_renegotiation
	packets tcp port "$PORT"
	talk -tls1_3
	answered "$(marker one)"
	say talk K
	wait_until 10 has_line "$D/talk.err" KEYUPDATE
	answered "$(marker two)"
	say talk k
	wait_until 10 twice_updated
	answered "$(marker three)"
	say talk Q
	finish talk
	talk -tls1_2
	answered "$(marker four)"
	say talk R
	wait_until 10 has_line "$D/talk.err" RENEGOTIATING
	answered "$(marker five)"
	say talk Q
	finish talk
	stop_capture
	for name in one two three four five; do
		marker "$name"
		marker "$name" | rev
	done >"$D/expected"
	text_of tcp tls | diff -u "$D/expected" -
}

@test "DTLS 1.2" {
	PORT=$(free_port)
	packets udp port "$PORT"
	start server openssl s_server -dtls1_2 -accept "127.0.0.1:$PORT" -cert "$E2E_CERT" -key "$E2E_KEY"
	expect server '^ACCEPT' >/dev/null
	talk -dtls1_2
	say talk "$(marker question)"
	expect server "$(marker question)" >/dev/null
	say server "$(marker reply)"
	expect talk "$(marker reply)" >/dev/null
	say talk Q
	finish talk
	stop_capture
	same text "$(marker question; marker reply)" "$(text_of udp dtls)"
	same_secrets 1
}

# With BoringSSL inside, stripped: HTTP/1.1 with nginx, HTTP/3 with a server that has no such library.
@test "curl_cffi: TLS, and QUIC" {
	local quic_port cffi
	needs_build aioquic
	start server env PYTHONPATH="${BUILD%/aioquic/*}" python3 "$here/programs/h3_serve.py" \
		"$E2E_CERT" "$E2E_KEY"
	needs_build curl_cffi
	cffi=${BUILD%/curl_cffi/_wrapper*}
	quic_port=$(expect server '^[0-9]')
	start_nginx
	packets --libssl "$BUILD" "udp port $quic_port or tcp port $PORT"
	body one
	PYTHONPATH=$cffi python3 -c "import curl_cffi
data = open('$D/one.body', 'rb').read()
answer = curl_cffi.post('https://127.0.0.1:$PORT/$(marker one)', data=data, verify=False,
	http_version=curl_cffi.CurlHttpVersion.V1_1)
assert answer.status_code == 200"
	PYTHONPATH=$cffi python3 "$here/programs/h3_get.py" \
		"https://127.0.0.1:$quic_port/$(marker path)" "$(marker body)" >"$D/answer"
	same answer "200 re:/$(marker path)" "$(cat "$D/answer")"
	stop_capture
	all_found
	judge -d "udp.port==$quic_port,quic" -Y quic.stream_data -T fields -e quic.stream_data >"$D/shown"
	has_line "$D/shown" "$(hex "$(marker body)")"
	has_line "$D/shown" "$(hex "re:/$(marker path)")"
}
