#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Key log mode and QUIC, whose secrets are those of TLS 1.3 under the same labels (RFC 9001).

load lib
load keylog

setup_file() { e2e_setup_file; }
setup() { e2e_setup; }
teardown() { e2e_teardown; }

@test "OpenSSL 3.5, client and server" {
	needs_build psycopg2
	build_quic "$BUILD"
	capture tls -m keylog -k "$D/keys" --libssl "$BUILD"
	SSLKEYLOGFILE=$D/own start quic "$E2E_BIN/quic" "$E2E_CERT" "$E2E_KEY" question answer
	finish quic
	stop_capture
	none_older
	same_keys 5
}

# HTTP/3 between curl_cffi, with BoringSSL inside, and a server that has no such library.
@test "BoringSSL with ngtcp2: the lines, and tshark decrypts HTTP/3 by them" {
	local cffi port
	command -v tshark >/dev/null || skip "tshark is not installed"
	needs_build aioquic
	start server env PYTHONPATH="${BUILD%/aioquic/*}" python3 "$here/programs/h3_serve.py" \
		"$E2E_CERT" "$E2E_KEY"
	needs_build curl_cffi
	cffi=${BUILD%/curl_cffi/_wrapper*}
	port=$(expect server '^[0-9]')
	capture tls -m keylog -k "$D/keys" --libssl "$BUILD"
	dump "udp port $port"
	SSLKEYLOGFILE=$D/own PYTHONPATH=$cffi python3 "$here/programs/h3_get.py" \
		"https://127.0.0.1:$port/$(marker path)" "$(marker body)" >"$D/answer"
	same answer "200 re:/$(marker path)" "$(cat "$D/answer")"
	end_dump
	stop_capture
	none_older
	same_keys 5
	shown >"$D/shown"
	has_line "$D/shown" "$(hex "$(marker body)")"
	has_line "$D/shown" "$(hex "re:/$(marker path)")"
}

# What the streams carry, as tshark decrypts it.
shown() {
	tshark -r "$D/packets" -o "tls.keylog_file:$D/keys" -d "udp.port==$port,quic" -Y quic.stream_data \
		-T fields -e quic.stream_data 2>"$D/tshark.err"
}
