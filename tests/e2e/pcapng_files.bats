#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Packet files in numbers, each of which tshark decrypts by itself; and one that nobody reads.

load lib

setup_file() {
	command -v tshark >/dev/null || skip "tshark is not installed"
	e2e_setup_file
}
setup() {
	e2e_setup
	PORT=$(free_port)
	start server openssl s_server -accept "127.0.0.1:$PORT" -www -cert "$E2E_CERT" -key "$E2E_KEY"
	wait_until 10 port_open "$PORT"
}
teardown() { e2e_teardown; }

# One request after the other, each over a connection of its own.
get() { # FIRST LAST
	local i
	for ((i = $1; i <= $2; i++)); do
		curl -sk -o "$D/answer" "https://127.0.0.1:$PORT/$i"
	done
}

# What tshark decrypts from this file alone.
decrypted() { # FILE
	tshark -n -r "$1" -d "tcp.port==$PORT,tls" -Y http.request -T fields -e http.request.uri \
		2>"$D/tshark.err"
}

# Whose connection began, and was used, before the next file: all but one at each end of a file.
each_file_decrypts() { # REQUESTS LEAST_FILES
	local file found=() n
	for file in "$D"/packets_*.pcapng; do
		n=$(decrypted "$file" | tee -a "$D/requests" | wc -l)
		[ "$n" -gt 0 ] || [ "$file" = "$(printf '%s\n' "$D"/packets_*.pcapng | tail -n 1)" ] ||
			{ echo "nothing in $file"; return 1; }
		[ "$(stat -c %a "$file")" = 600 ]
		capinfos "$file" >"$D/capinfos" 2>&1 || { cat "$D/capinfos"; return 1; }
		found+=("$file")
	done
	[ ${#found[@]} -ge "$2" ] || { echo "files: ${found[*]}"; return 1; }
	n=$(sort -u "$D/requests" | wc -l)
	[ "$n" -gt $(($1 - ${#found[@]})) ] || { echo "$n requests in ${#found[@]} files"; return 1; }
	[ ! -e "$D/packets.pcapng" ]
}

@test "numbered files of a size: each decrypts by itself" {
	capture tls -m pcapng -i lo -w "$D/packets.pcapng" --rotate-size 64k tcp port "$PORT"
	get 1 60
	stop_capture
	each_file_decrypts 60 3
	[ "$(find "$D" -name 'packets_*' -size +64k | wc -l)" = 0 ]
}

@test "numbered files of an age: each decrypts by itself" {
	capture tls -m pcapng -i lo -w "$D/packets.pcapng" --rotate-time 1s tcp port "$PORT"
	get 1 10
	sleep 1.2
	get 11 20
	sleep 1.2
	get 21 30
	stop_capture
	each_file_decrypts 30 3
}

@test "a FIFO whose reader stands still does not keep ecapture" {
	mkfifo "$D/fifo"
	sleep 600 <>"$D/fifo" &
	processes+=($!)
	launch tls -m pcapng -i lo -w "$D/fifo" tcp port "$PORT"
	attached
	get 1 60
	kill -INT "$ecapture_pid"
	refused 1 'fifo: its reader does not read, [0-9]+ bytes not written'
}
