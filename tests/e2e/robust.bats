#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs that do unusual things, and captures that come and go: nothing is missed or doubled, and
# above all no program is hurt.

load lib

setup_file() {
	e2e_setup_file talk peek load again fibers local
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# both_texts N: connection N's texts, once on each side.
both_texts() {
	moved "$client" "$server" "$ID-c$1-z"
	moved "$server" "$client" "$ID-s$1-z"
}

# The second connection is one of its own, with its own addresses.
same_object() { # MODE
	local line
	capture tls
	pair again "$1" "$ID"
	stop_capture
	both_texts 0
	both_texts 1
	while read -r line; do
		stream pid="$(field pid "$line")" direction=send \
			src="$(field local "$line")" dst="$(field peer "$line")" >/dev/null
		stream pid="$(field pid "$line")" direction=recv fd="$(field fd "$line")" \
			src="$(field peer "$line")" dst="$(field local "$line")" >/dev/null
	done < <(grep ' local=' "$D/again.out")
}

same_object_set() { same_object set; }
same_object_bio() { same_object bio; }
same_object_split() {
	same_object split
	stream pid="$client" direction=send fd="$(field wfd "$(expect again '^client wfd=')")" "text=$ID-c0-z" >/dev/null
	stream pid="$server" direction=send fd="$(field wfd "$(expect again '^server wfd=')")" "text=$ID-s0-z" >/dev/null
}

@test "one SSL object for two connections, by SSL_set_fd" {
	both_ways same_object_set
}

@test "one SSL object for two connections, by BIOs" {
	both_ways same_object_bio
}

@test "one descriptor to read, another to write" {
	both_ways same_object_split
}

unix_sockets() {
	local who line
	capture tls
	pair local "$(marker question)" "$(marker answer)"
	stop_capture
	moved "$client" "$server" "$(marker question)"
	moved "$server" "$client" "$(marker answer)"
	for who in client server; do
		line=$(grep "^$who" "$D/local.out")
		same "streams of the $who" 2 "$(events streams pid="${!who}" fd="$(field fd "$line")" |
			grep -c 'src=None dst=None')"
	done
}

@test "Unix sockets: a descriptor, no addresses" {
	both_ways unix_sockets
}

# Each fiber has a stack of its own, so calls do not return in the order in which they began. The
# kernel's return probes take that for frames that were left, and would send the program astray:
# it must not be hurt, and what is not seen for that must be counted.
fibers() { # N
	local i what missing=0
	LOST_IS_FINE=yes
	capture tls
	pair fibers "$1" "$ID"
	stop_capture
	for ((i = 0; i < $1; i++)); do
		for what in "c$i-z pid=$client direction=send" "c$i-z pid=$server direction=recv" \
			"s$i-z pid=$server direction=send" "s$i-z pid=$client direction=recv"; do
			echo "$ID-${what%% *}" "${what#* }"
		done
	done >"$D/wanted"
	events counts "$D/wanted" >"$D/counts"
	same "texts seen more than once" 0 "$(grep -cv '^[01]$' "$D/counts" || true)"
	missing=$(grep -c '^0$' "$D/counts" || true)
	lost=$(sed -n 's/.* \([0-9]*\) lost, .*/\1/p' <<<"$summary")
	[ "$lost" -ge "$missing" ] || { echo "$missing not seen, $lost counted as lost"; return 1; }
	[ "$missing" -lt $((4 * $1)) ] || { echo "nothing was seen"; return 1; }
}

@test "three fibers in one thread" {
	fibers 3
}

@test "forty fibers in one thread" {
	fibers 40
}

dtls() {
	local port
	port=$(free_port)
	start server openssl s_server -dtls -accept "127.0.0.1:$port" -cert "$E2E_CERT" -key "$E2E_KEY"
	expect server ACCEPT
	capture tls
	start client openssl s_client -dtls -connect "127.0.0.1:$port" -CAfile "$E2E_CERT" -quiet
	say client "$(marker there)"
	expect server "$(marker there)"
	say server "$(marker back)"
	expect client "$(marker back)"
	stop_capture
	moved "${pid_of[client]}" "${pid_of[server]}" "$(marker there)"
	moved "${pid_of[server]}" "${pid_of[client]}" "$(marker back)"
}

@test "DTLS" {
	both_ways dtls
}

@test "a process in namespaces of its own has the ids of the initial ones" {
	local port outer
	setpriv --reuid=65534 --clear-groups unshare --user --map-root-user --pid --fork true \
		2>"$D/unshare" || skip "no namespaces for users here: $(cat "$D/unshare")"
	start server "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
	start client setpriv --reuid=65534 --clear-groups unshare --user --map-root-user --pid --fork \
		"$E2E_BIN/talk" connect 127.0.0.1 "$port"
	same "its own idea of its id" 1 "$(field pid "$(expect client '^client pid=')")"
	outer=$(pgrep -P "${pid_of[client]}")
	cleanups+=("end_process $outer KILL") # the init of its namespace: SIGTERM does nothing
	capture tls --pid "$outer"
	say client "$(marker one)"
	expect client "re:$(marker one)"
	stop_capture
	kill -KILL "$outer"
	seen 2 "$(marker one)" pid="$outer" uid=65534
	seen 2 "$(marker one)"
}

two_captures() {
	local other_events=$D/other.json other
	capture tls
	"$ECAPTURE" tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} -o json \
		--eventaddr "$other_events" 2>"$D/other.log" </dev/null 3>&- 4>&- &
	other=$!
	processes+=("$other")
	wait_until 20 has_line "$D/other.log" capturing
	pair peek "$(marker one)" "$(marker two)"
	kill -INT "$other"
	wait "$other"
	start third "$E2E_BIN/peek" "$(marker three)" "$(marker four)"
	finish third
	stop_capture
	moved "$client" "$server" "$(marker one)"
	seen 2 "$(marker three)"
	EVENTS=$other_events moved "$client" "$server" "$(marker one)"
	EVENTS=$other_events seen 0 "$(marker three)"
}

@test "two captures at once: each sees everything, and one may go" {
	both_ways two_captures
}

# Some of every stream: four connections, two directions, two processes.
has_events() { # N
	[ "$(grep -c "$ID" "$EVENTS")" -ge "$1" ]
}

@test "captures that come and go do not disturb a program under load" {
	local i
	start load "$E2E_BIN/load" "$ID" 4 1024 1000 12000
	expect load '^client pid='
	for i in 1 2 3 4 5; do
		EVENTS=$D/events$i.json
		capture tls
		wait_until 10 has_events 200
		stop_capture
		events numbers "$ID" >"$D/numbers"
		same "streams without a gap" 8 "$(wc -l <"$D/numbers")"
	done
	finish load
}

@test "a capture that is killed leaves nothing, and hurts nobody" {
	start load "$E2E_BIN/load" "$ID" 4 1024 1000 3000
	expect load '^client pid='
	capture tls
	wait_until 10 has_line "$EVENTS" "$ID"
	bpf_objects "$ecapture_pid" >"$D/bpf"
	[ -s "$D/bpf" ]
	kill -KILL "$ecapture_pid"
	wait_until 10 is_done "$ecapture_pid"
	wait_until 5 no_bpf_left
	EVENTS=$D/events2.json
	capture tls
	wait_until 10 has_line "$EVENTS" "$ID"
	stop_capture
	finish load
}

# As a user who does not know what the kernel has would do.
btf_mode() { # N
	local port
	start server "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls -b "$1"
	start client "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	say client "$(marker one)."
	expect client "re:$(marker one)"
	start pair "$E2E_BIN/load" "$ID" 2 300000 0 5
	finish pair
	stop_capture
	seen 1 "$(marker one)." pid="${pid_of[client]}" direction=send
	seen 1 "re:$(marker one)." pid="${pid_of[server]}" direction=send
	events numbers "$ID" >"$D/numbers"
	same "streams" 4 "$(grep -c 'first=0 last=4' "$D/numbers")"
}

core() { btf_mode 1; }
noncore() { btf_mode 2; }

@test "-b 1: BPF objects relocated to this kernel" {
	both_ways core canonical-bytes
}

@test "-b 2: BPF objects that need nothing of the kernel's" {
	both_ways noncore canonical-bytes
}
