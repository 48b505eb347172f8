#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# QUIC by OpenSSL 3.5: its objects never pass the TLS read and write, but functions of their own.

load lib

setup_file() {
	e2e_setup_file
	local libssl
	libssl=$("$here/../unit/fetch-builds.sh" psycopg2 2>"$BATS_FILE_TMPDIR/why") || return 0
	build_quic "$libssl"
	export E2E_LIBSSL=$libssl
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

stream_both_ways() {
	local pid
	capture tls --libssl "$E2E_LIBSSL"
	start quic "$E2E_BIN/quic" "$E2E_CERT" "$E2E_KEY" "$(marker question)" "$(marker answer)"
	finish quic
	pid=$(expect quic '^[0-9]')
	stop_capture
	# Client and server are one process.
	for what in question answer; do
		seen 1 "$(marker $what)" pid="$pid" direction=send
		seen 1 "$(marker $what)" pid="$pid" direction=recv
		seen 2 "$(marker $what)"
	done
}

@test "quic: what client and server say on a stream, once on each side" {
	[ -n "${E2E_LIBSSL:-}" ] || skip "no libssl 3.5 to be had: $(cat "$BATS_FILE_TMPDIR/why")"
	both_ways stream_both_ways
}
