#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where bytes come from and go to: the descriptor and the addresses of an event are those that
# the program itself reports.

load lib

setup_file() {
	e2e_setup_file talk tlsio bio
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# as_reported LINE: the process's streams have the ends of its own line (pid, fd, local, peer).
as_reported() {
	local line pid fd local peer
	pid=$(field pid "$1") fd=$(field fd "$1") local=$(field local "$1") peer=$(field peer "$1")
	line=$(stream pid="$pid" direction=send src="$local" dst="$peer")
	same "descriptor of what it sent" "$fd" "$(field fd "$line")"
	line=$(stream pid="$pid" direction=recv src="$peer" dst="$local")
	same "descriptor of what it received" "$fd" "$(field fd "$line")"
}

both_sides() { # ADDRESS
	local line
	capture tls
	start pair "$E2E_BIN/tlsio" "$1" 2026 64 65
	finish pair
	stop_capture
	while read -r line; do
		as_reported "$line"
	done < <(grep ' pid=' "$D/pair.out")
	same "streams" 8 "$(events streams comm=tlsio | wc -l)"
}

on_ipv4() { both_sides 127.0.0.1; }
on_ipv6() { both_sides ::1; }

@test "IPv4, both sides" {
	SELECT=comm=tlsio both_ways on_ipv4
}

@test "IPv6, both sides" {
	[ -e /proc/net/if_inet6 ] || skip "no IPv6 here"
	SELECT=comm=tlsio both_ways on_ipv6
}

# Each side's own view: the server's socket has addresses such as ::ffff:127.0.0.1.
@test "an IPv4 client of an IPv6 socket" {
	[ -e /proc/net/if_inet6 ] || skip "no IPv6 here"
	local port
	start server "$E2E_BIN/talk" serve ::
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	start client "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	say client "$(marker one)"
	expect client "re:$(marker one)"
	stop_capture
	as_reported "$(expect client '^client pid=')"
	as_reported "$(expect server '^server pid=')"
}

# The two processes' own words, in python and in curl.
from_python_to_curl() {
	local port line
	start server /usr/bin/python3 "$here/programs/https.py" serve
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	curl --silent --show-error --cacert "$E2E_CERT" "https://127.0.0.1:$port/$(marker path)" \
		-H 'Host: e2e.test' -o /dev/null -w '%{local_ip}:%{local_port} %{remote_ip}:%{remote_port}' \
		>"$D/curl.out" 3>&- 4>&-
	stop_capture
	as_reported "$(expect server '^server pid=')"
	line=$(stream comm=curl direction=send "text=$ID")
	same "curl" "$(cat "$D/curl.out")" "$(field src "$line") $(field dst "$line")"
}

@test "curl and python3" {
	both_ways from_python_to_curl
}

# Set by BIO_new_ssl_connect and BIO_new_socket: no SSL_set_fd is ever called.
@test "programs that use BIOs only" {
	needs_method_sites
	capture tls
	start bio "$E2E_BIN/bio" "$(marker question)" "$(marker answer)"
	finish bio
	stop_capture
	as_reported "$(expect bio '^client pid=')"
	as_reported "$(expect bio '^server pid=')"
}

kept_alive() {
	local port
	start server "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
	start client "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	say client "$(marker before)"
	expect client "re:$(marker before)"
	capture tls
	say client "$(marker first)" # the server has been waiting for it since before
	expect client "re:$(marker first)"
	say client "$(marker second)"
	expect client "re:$(marker second)"
	stop_capture
	as_reported "$(expect client '^client pid=')"
	as_reported "$(expect server '^server pid=')"
	seen 0 "$(marker before)"
	moved "${pid_of[server]}" "${pid_of[client]}" "re:$(marker first)"
	seen 1 "$(marker second)" pid="${pid_of[client]}" direction=send
	seen 1 "$(marker second)" pid="${pid_of[server]}" direction=recv
	moved "${pid_of[server]}" "${pid_of[client]}" "re:$(marker second)"
}

@test "a connection that was there before" {
	both_ways kept_alive
}

has_closed() { # N: the server has closed that many connections
	[ "$(grep -c '^closed' "$D/server.out")" = "$1" ]
}

# One descriptor number after another connection's end: the addresses are the new one's.
reused() {
	local port line i
	start server "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	for i in 1 2 3 4; do
		start "client$i" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
		say "client$i" "$(marker "$i")"
		expect "client$i" "re:$(marker "$i")"
		end_process "${pid_of[client$i]}"
		wait_until 5 has_closed "$i"
	done
	stop_capture
	while read -r line; do
		as_reported "$line"
	done < <(grep -h ' pid=' "$D"/*.out)
	[ "$(grep -h '^server pid=' "$D/server.out" | awk '{ print $3 }' | sort -u | wc -l)" -lt 4 ] || {
		echo "no descriptor came twice"
		return 1
	}
}

@test "a descriptor that is used again" {
	both_ways reused
}
