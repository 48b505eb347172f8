#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Libraries other than Debian's OpenSSL 3.0: OpenSSL 3.5 as PyPI's psycopg2-binary brings it, and
# BoringSSL; and bytes that no buffer shows.

load lib

setup_file() {
	e2e_setup_file tlsio peek retry early bio sendfile talk
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# pair35 PROGRAM ARGUMENT...: a program of two processes, run with OpenSSL 3.5 to its end.
pair35() {
	start "$1" env LD_LIBRARY_PATH="$OPENSSL35" "$E2E_BIN/$1" "${@:2}"
	finish "$1" 60
	client=$(field pid "$(expect "$1" '^client pid=')")
	server=$(field pid "$(expect "$1" '^server pid=')")
}

capture_openssl35() {
	needs_openssl35
	capture tls --libssl "$OPENSSL35/libssl.so.3"
}

check_peek() {
	capture_openssl35
	pair35 peek "$(marker question)" "$(marker answer)"
	stop_capture
	moved "$client" "$server" "$(marker question)"
	moved "$server" "$client" "$(marker answer)"
}

@test "OpenSSL 3.5: SSL_read, SSL_write and SSL_peek" {
	both_ways check_peek
}

check_early() {
	capture_openssl35
	pair35 early "$(marker ticket)" "$(marker early)" "$(marker late)" "$(marker answer)"
	stop_capture
	moved "$server" "$client" "$(marker ticket)"
	moved "$client" "$server" "$(marker early)"
	moved "$client" "$server" "$(marker late)"
	moved "$server" "$client" "$(marker answer)"
}

@test "OpenSSL 3.5: found in a process that runs" {
	local port
	needs_openssl35
	start server env LD_LIBRARY_PATH="$OPENSSL35" "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	start client "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	say client "$(marker one)"
	expect client "re:$(marker one)"
	stop_capture
	seen 1 "$(marker one)" pid="${pid_of[server]}" direction=recv
	seen 1 "re:$(marker one)" pid="${pid_of[server]}" direction=send
	seen 4 "$(marker one)"
}

@test "OpenSSL 3.5: early data" {
	both_ways check_early
}

# Each stream has the bytes that its program says it moved.
check_sizes() {
	local who line sums stream i=0
	capture_openssl35
	pair35 tlsio 127.0.0.1 2026 1 16385 1048576
	stop_capture
	events streams comm=tlsio >"$D/streams"
	while read -r line; do
		who=${line%% *}
		sums=$(grep -A1 -F "$line" "$D/tlsio.out" | grep "^$who size=" || grep "^$who size=" "$D/tlsio.out")
		stream=$(grep -F "pid=$(field pid "$line") " "$D/streams" |
			grep -F " direction=send " | grep -F " src=$(field local "$line") dst=$(field peer "$line") ")
		grep -q "sent=$(field sha256 "$stream") " <<<"$sums" || { echo "not sent: $stream"; return 1; }
		stream=$(grep -F "pid=$(field pid "$line") " "$D/streams" |
			grep -F " direction=recv " | grep -F " src=$(field peer "$line") dst=$(field local "$line") ")
		grep -q "received=$(field sha256 "$stream")\$" <<<"$sums" || { echo "not received: $stream"; return 1; }
		i=$((i + 1))
	done < <(grep ' pid=' "$D/tlsio.out")
	same "connections" 6 $i
}

@test "OpenSSL 3.5: 1 B to 1 MiB" {
	SELECT=comm=tlsio both_ways check_sizes
}

check_retry() {
	local sha
	capture_openssl35
	pair35 retry whole 1000000 2026
	stop_capture
	sha=$(awk '/^client sent=/ { print $3 }' "$D/retry.out")
	same "sent" "1 1000000 $sha" "$(stream pid="$client" direction=send |
		sed 's/.*calls=\(.*\) bytes=\(.*\) sha256=\(.*\)/\1 \2 \3/')"
	same "received" "1000000 $sha" "$(stream pid="$server" direction=recv |
		sed 's/.* bytes=\(.*\) sha256=\(.*\)/\1 \2/')"
}

@test "OpenSSL 3.5: SSL_write retried with the same buffer" {
	SELECT=comm=retry both_ways check_retry
}

@test "OpenSSL 3.5: I/O through BIOs" {
	needs_method_sites
	capture_openssl35
	pair35 bio "$(marker question)" "$(marker answer)"
	stop_capture
	moved "$client" "$server" "$(marker question)"
	moved "$server" "$client" "$(marker answer)"
}

boringssl() {
	local port pid
	port=$(free_port)
	# It has no option for the address: in a network of its own it listens to nobody else.
	cat >"$D/run" <<-END
		ip link set lo up
		bssl-tool s_server -accept $port -cert "$E2E_CERT" -key "$E2E_KEY" <"$D/to-server" >"$D/server.said" 2>&1 &
		echo "server pid=\$!"
		exec 8>"$D/to-server"
		until grep -qi ":$(printf %04x "$port") [0-9A-F:]* 0A" /proc/net/tcp /proc/net/tcp6; do
			sleep 0.05
		done
		bssl-tool s_client -connect 127.0.0.1:$port <"$D/to-client" >"$D/client.said" 2>&1 &
		echo "client pid=\$!"
		exec 9>"$D/to-client"
		wait
	END
	mkfifo "$D/to-server" "$D/to-client"
	capture tls
	start both unshare --net bash "$D/run"
	pid=$(field pid "$(expect both '^client pid=')")
	cleanups+=("end_process $pid" "end_process $(field pid "$(expect both '^server pid=')")")
	wait_until 10 has_line "$D/client.said" 'Connected'
	marker there >"$D/to-client"
	wait_until 10 has_line "$D/server.said" "$(marker there)"
	marker back >"$D/to-server"
	wait_until 10 has_line "$D/client.said" "$(marker back)"
	stop_capture
	moved "$pid" "$(field pid "$(expect both '^server pid=')")" "$(marker there)"
	moved "$(field pid "$(expect both '^server pid=')")" "$pid" "$(marker back)"
}

@test "BoringSSL: bssl-tool, both ways" {
	command -v bssl-tool >/dev/null || skip "no bssl-tool (Debian: android-boringssl)"
	both_ways boringssl
}

@test "SSL_sendfile by kernel TLS: counted, and said once for the process" {
	local pid
	capture tls
	start sendfile "$E2E_BIN/sendfile" "$(marker file)" 2
	wait_until 20 is_done "${pid_of[sendfile]}"
	! grep -q 'no kernel TLS' "$D/sendfile.err" || skip "$(cat "$D/sendfile.err")"
	finish sendfile
	pid=$(field pid "$(expect sendfile '^server pid=')")
	stop_capture
	same "lines of the log" 1 "$(grep -c "process $pid .*SSL_sendfile" "$LOG")"
	has_line "$LOG" "bytes sent by SSL_sendfile, not shown: $((2 * $(marker file | wc -c) - 2))"
	seen 1 "$(marker file)$(marker file)" direction=recv
}
