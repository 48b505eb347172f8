#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bytes: every one that was moved, at its place, once; whatever the size of the call, the way it
# is made, or the trouble it runs into.

load lib

setup_file() {
	e2e_setup_file tlsio peek retry early bio nested many load talk
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# same_bytes SIZE SHA KEY=VALUE...: the one stream that matches has these bytes.
same_bytes() {
	local line size=$1 sha=$2
	shift 2
	line=$(stream "$@")
	same "bytes of $*" "$size" "$(field bytes "$line")"
	same "SHA-256 of $*" "$sha" "$(field sha256 "$line")"
}

# The stream in $D/streams with these ends has these bytes, in one call when it was sent.
check_stream() { # PID DIRECTION SRC DST SIZE SHA
	local line
	line=$(grep -F "pid=$1 " "$D/streams" | grep -F " direction=$2 " | grep -F " src=$3 dst=$4 ")
	same "bytes that $1 $2" "$5" "$(field bytes "$line")"
	same "SHA-256 of what $1 $2" "$6" "$(field sha256 "$line")"
	[ "$2" = recv ] || same "calls that sent $5 bytes" 1 "$(field calls "$line")"
}

# The program's own word on a connection: its line with the addresses, then that with the sums.
check_size() { # WHO SIZE LINE
	local pid local peer sums
	sums=$(grep "^$1 size=$2 " "$D/tlsio.out")
	pid=$(field pid "$3") local=$(field local "$3") peer=$(field peer "$3")
	check_stream "$pid" send "$local" "$peer" "$2" "$(field sent "$sums")"
	check_stream "$pid" recv "$peer" "$local" "$2" "$(field received "$sums")"
}

sizes() {
	local sizes=(1 2 100 16383 16384 16385 65536 1048576 16777216) who i line
	capture tls
	pair tlsio 127.0.0.1 2026 "${sizes[@]}"
	stop_capture
	events streams comm=tlsio >"$D/streams" # 90 MB, read once
	for who in client server; do
		i=0
		while read -r line; do
			check_size "$who" "${sizes[i]}" "$line"
			i=$((i + 1))
		done < <(grep "^$who pid=" "$D/tlsio.out")
		same "connections of the $who" ${#sizes[@]} $i
	done
}

@test "1 B to 16 MiB in one call: SSL_write, SSL_write_ex, SSL_read, SSL_read_ex" {
	SELECT="comm=tlsio" both_ways sizes
}

peek() {
	capture tls
	pair peek "$(marker question)" "$(marker answer)"
	stop_capture
	moved "$client" "$server" "$(marker question)"
	moved "$server" "$client" "$(marker answer)"
	seen 2 "$ID" pid="$client"
	seen 2 "$ID" pid="$server"
}

@test "SSL_peek is not a second read" {
	both_ways peek
}

retry() { # MODE
	local said
	capture tls
	pair retry "$1" 1000000 2026
	stop_capture
	said=$(grep '^client sent=' "$D/retry.out")
	[ "$(field retries "$said")" -gt 10 ] || { echo "hardly retried: $said"; return 1; }
	same_bytes 1000000 "$(awk '/^client sent=/ { print $3 }' "$D/retry.out")" \
		pid="$client" direction=send
	same_bytes 1000000 "$(awk '/^server received=/ { print $3 }' "$D/retry.out")" \
		pid="$server" direction=recv
	same "calls that sent" "$(field calls "$said")" \
		"$(field calls "$(stream pid="$client" direction=send)")"
}

retry_whole() { retry whole; }
retry_partial() { retry partial; }
retry_moving() { retry moving; }

@test "SSL_write retried with the same buffer is one write" {
	SELECT="comm=retry" both_ways retry_whole
}

@test "SSL_write that takes parts: each part once" {
	SELECT="comm=retry" both_ways retry_partial canonical-bytes
}

@test "SSL_write retried from another place is one write" {
	SELECT="comm=retry" both_ways retry_moving
}

early() {
	capture tls
	pair early "$(marker ticket)" "$(marker early)" "$(marker late)" "$(marker answer)"
	stop_capture
	moved "$server" "$client" "$(marker ticket)"
	moved "$client" "$server" "$(marker early)"
	moved "$client" "$server" "$(marker late)"
	moved "$server" "$client" "$(marker answer)"
}

@test "early data" {
	both_ways early
}

@test "BIO_new_ssl_connect and BIO_f_ssl: I/O through BIOs" {
	needs_method_sites
	capture tls
	pair bio "$(marker question)" "$(marker answer)"
	stop_capture
	moved "$client" "$server" "$(marker question)"
	moved "$server" "$client" "$(marker answer)"
}

@test "TLS inside TLS: both layers, each once" {
	needs_method_sites
	capture tls
	pair nested "$(marker outer-question)" "$(marker outer-answer)" \
		"$(marker inner-question)" "$(marker inner-answer)"
	stop_capture
	moved "$client" "$server" "$(marker outer-question)"
	moved "$server" "$client" "$(marker outer-answer)"
	moved "$client" "$server" "$(marker inner-question)"
	moved "$server" "$client" "$(marker inner-answer)"

	# The outer session carries one text in the clear and the inner session's records.
	local who direction line
	for who in client server; do
		line=$(grep "^$who tunnel" "$D/nested.out")
		for direction in send recv; do
			"$E2E_EVENTS" "$EVENTS" tunnel "$ID" pid="${!who}" direction=$direction >"$D/tunnel"
			case $direction in
			send) same "$who sent" "$(field sent "$line") $(awk '{ print $4 }' <<<"$line")" "$(cat "$D/tunnel")" ;;
			recv) same "$who received" "$(field received "$line") $(awk '{ print $6 }' <<<"$line")" "$(cat "$D/tunnel")" ;;
			esac
		done
	done
}

many() {
	local i
	capture tls
	pair many 200 "$ID"
	stop_capture
	for ((i = 0; i < 200; i++)); do echo "$ID-c$i-z"; done >"$D/questions"
	for ((i = 0; i < 200; i++)); do echo "$ID-s$i-z"; done >"$D/answers"
	events each "$D/questions" pid="$client" direction=send
	events each "$D/questions" pid="$server" direction=recv
	events each "$D/answers" pid="$server" direction=send
	events each "$D/answers" pid="$client" direction=recv
	seen 800 "$ID"
	same "connections" 400 "$(events streams "text=$ID" direction=send | awk '{ print $1, $2 }' | sort -u | wc -l)"
}

@test "200 connections at once: each message once on each side" {
	both_ways many
}

sent_now() {
	local before
	before=$(grep -c '^sent ' "$D/load.out") || true
	kill -USR1 "$client"
	wait_until 5 more_than "$before"
	grep '^sent ' "$D/load.out" | tail -n 1
}

more_than() {
	[ "$(grep -c '^sent ' "$D/load.out")" -gt "$1" ]
}

is_stuck() {
	[ "$(sent_now)" = "$(sleep 0.1; sent_now)" ]
}

@test "a process killed inside SSL_write does not disturb the next" {
	local client server
	capture tls
	start load "$E2E_BIN/load" "$ID" 4 16384 500 0
	client=$(field pid "$(expect load '^client pid=')")
	server=$(field pid "$(expect load '^server pid=')")
	wait_until 10 has_line "$EVENTS" "$ID-l3-20"
	kill -STOP "$server"
	cleanups+=("! kill -CONT $server 2>/dev/null")
	wait_until 10 is_stuck
	kill -KILL "$client"
	kill -CONT "$server"
	wait_until 10 is_done "$server"
	start pair "$E2E_BIN/peek" "$(marker question)" "$(marker answer)"
	finish pair
	stop_capture
	seen 2 "$(marker question)"
	seen 2 "$(marker answer)"
	seen 1 "$ID-l3-20 " pid="$client" direction=send
}

# numbers_reach FILE "sent N0 N1 ...": each connection goes from 0 to N-1 at least, both sides.
numbers_reach() {
	local file=$1 c=0 n pid direction line
	read -r -a counts <<<"${2#sent }"
	for n in "${counts[@]}"; do
		[ "$n" -gt 100 ] || { echo "hardly any load: $2"; return 1; }
		line=$(grep "direction=send connection=$c " "$file")
		[ "$(field first "$line")" = 0 ] && [ "$(field last "$line")" -ge $((n - 1)) ] || {
			echo "the program had sent $n: $line"
			return 1
		}
		line=$(grep "direction=recv connection=$c " "$file")
		[ "$(field first "$line")" = 0 ] || { echo "$line"; return 1; }
		c=$((c + 1))
	done
}

interrupted() {
	capture tls
	start load "$E2E_BIN/load" "$ID" 4 256 2000 0
	expect load '^client pid='
	local client
	client=$(field pid "$(expect load '^client pid=')")
	sleep 1
	kill -USR1 "$client"
	expect load '^sent '
	stop_capture "$1"
	events numbers "$ID" >"$D/numbers"
	numbers_reach "$D/numbers" "$(expect load '^sent ')"
}

@test "SIGINT under load: nothing that was sent before is missing" {
	interrupted INT
}

@test "SIGTERM under load: the same" {
	interrupted TERM
}

# The events go through a pipe that nobody reads until ecapture is told to stop: by then there is
# more in the kernel's buffer than the reader could have taken while the probes go.
@test "SIGINT with much that is not written yet: nothing is missing" {
	local pipe client
	mkfifo "$D/pipe"
	exec {pipe}<>"$D/pipe"
	EVENTS=$D/pipe capture tls
	# Only ecapture shall hold the pipe open, so that it ends with it.
	start load bash -c "exec $pipe>&-; exec \"\$@\"" - "$E2E_BIN/load" "$ID" 4 256 1500 0
	client=$(field pid "$(expect load '^client pid=')")
	sleep 1
	kill -USR1 "$client"
	expect load '^sent '
	start reader bash -c "exec $pipe>&-; exec cat \"\$@\"" - "$D/pipe"
	exec {pipe}>&-
	EVENTS=$D/pipe stop_capture
	finish reader
	EVENTS=$D/reader.out
	events numbers "$ID" >"$D/numbers"
	numbers_reach "$D/numbers" "$(expect load '^sent ')"
}

number_before() { # WORD TEXT
	sed -n "s/.*[ (]\([0-9]*\) $1.*/\1/p" <<<"$2"
}

@test "what does not fit the kernel's buffer is counted, every call and every byte" {
	local map events lost lost_bytes bytes
	LOST_IS_FINE=yes
	capture tls --mapsize 8 --comm load
	start load "$E2E_BIN/load" "$ID" 4 1024 0 20000
	finish load
	stop_capture
	map=$(grep 'map events: ' "$LOG")
	events=$(number_before 'events, ' "$summary")
	bytes=$(number_before 'bytes, ' "$summary")
	lost=$(number_before 'lost, ' "$summary")
	lost_bytes=$(number_before 'bytes), ' "$map")
	[ "$lost" -gt 0 ] || { echo "the buffer was not too small: $summary"; return 1; }
	has_line "$LOG" '^warning tls: .* lost' || { echo "loss without a warning"; return 1; }
	same "calls captured and lost" 160000 $((events + lost))
	same "bytes captured and lost" $((160000 * 1024)) $((bytes + lost_bytes))
	same "lines" "$events" "$(wc -l <"$EVENTS")"
	seen 0 "no such text" # reads and checks each event
}
