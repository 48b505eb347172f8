#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Packet mode: tshark decrypts what was captured, from the file alone; packets are those that tcpdump
# sees, of those processes and of that filter only; and nothing stays behind.

load lib
load keylog

setup_file() { e2e_setup_file; }
setup() {
	e2e_setup
	command -v tcpdump >/dev/null || skip "tcpdump is not installed"
	command -v tshark >/dev/null || skip "tshark is not installed"
	FILE=$D/packets.pcapng
}
teardown() { e2e_teardown; }

# https [OPTION...]: a server of python3 on a free port: $PORT.
https() {
	start https env E2E_CERT="$E2E_CERT" E2E_KEY="$E2E_KEY" python3 "$here/programs/https.py" serve
	PORT=$(expect https '^listening ' | cut -d ' ' -f 2)
}

fetch() { # NAME [OPTION...]
	same "answer" "re:/$(marker "$1")" "$(curl -sk "${@:2}" "https://127.0.0.1:$PORT/$(marker "$1")")"
}

# packets OPTION...: captures into $FILE.
packets() {
	capture tls -m pcapng -w "$FILE" "$@"
}

judge() { # OPTION...
	tshark -n -r "$FILE" "$@" 2>"$D/tshark.err"
}

fields() { # FILTER FIELD...
	local field args=()
	for field in "${@:2}"; do
		args+=(-e "$field")
	done
	judge -d "tcp.port==$PORT,tls" -Y "$1" -T fields "${args[@]}"
}

# The requests NAME... are in the file, each once, with the answers, and no others.
requests() {
	local name
	for name; do
		echo "/$(marker "$name")"
	done | sort >"$D/expected"
	fields http.request http.request.uri | sort | diff -u "$D/expected" -
	same answers $# "$(fields 'http.response.code == 200' frame.number | wc -l)"
	fields http.response http.file_data | sed 's/^re://' | sort | diff -u "$D/expected" -
}

# Each connection from its first to its last packet.
whole_connections() { # N
	same "connections that begin" "$1" "$(fields 'tcp.flags.syn == 1 && tcp.flags.ack == 0' frame.number | wc -l)"
	same "ends" $((2 * $1)) "$(fields 'tcp.flags.fin == 1 && !tcp.analysis.retransmission' frame.number | wc -l)"
	same "holes" "" "$(fields 'tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment' frame.number)"
}

@test "TLS 1.3 and 1.2 on the loopback: requests and answers, decrypted from the file alone" {
	https
	packets -i lo "tcp port $PORT"
	fetch one --tlsv1.3
	fetch two --tls-max 1.2
	stop_capture
	requests one two
	whole_connections 2
	same mode 600 "$(stat -c %a "$FILE")"
	has_line "$LOG" "$FILE: .* 0 packets lost"
}

@test "-k: a key log of the same secrets beside the packets" {
	https
	packets -i lo -k "$D/keys" "tcp port $PORT"
	get --tlsv1.3
	get --tls-max 1.2
	stop_capture
	same_keys 6
	same requests 2 "$(fields http.request frame.number | wc -l)"
}

@test "the same packets as tcpdump, with their whole bytes" {
	local plain
	https
	plain=$(free_port)
	start tcpdump tcpdump -i lo -s 0 -B 65536 --immediate-mode -U -w "$D/tcpdump.pcap" \
		"tcp port $PORT or tcp port $plain"
	wait_until 10 has_line "$D/tcpdump.err" 'listening on lo'
	packets -i lo "tcp port $PORT or tcp port $plain"
	fetch one
	fetch two --http1.0
	large_packets "$plain"
	wait_until 10 tcpdump_has_ends 6
	stop_capture
	end_process "${pid_of[tcpdump]}" INT
	has_line "$D/tcpdump.err" '^0 packets dropped by kernel'
	"$here/programs/frames.py" "$D/tcpdump.pcap" >"$D/expected"
	"$here/programs/frames.py" "$FILE" | diff -u "$D/expected" -
	[ "$(cut -d ' ' -f 1 "$D/expected" | sort -n | tail -n 1)" -gt 60000 ]
}

# Packets of TCP on the loopback are as large as the program lets them be.
large_packets() { # PORT
	python3 -c "import socket
l = socket.create_server(('127.0.0.1', $1))
c = socket.create_connection(('127.0.0.1', $1))
s, _ = l.accept()
for _ in range(30):
	c.sendall(bytes(65000))
	n = 0
	while n < 65000:
		n += len(s.recv(65000 - n))
c.close()
s.close()"
}

tcpdump_has_ends() { # N
	[ "$(tcpdump -n -r "$D/tcpdump.pcap" 'tcp[tcpflags] & tcp-fin != 0' 2>/dev/null | wc -l)" -ge "$1" ]
}

@test "--pid and --comm: whole connections of that process, and of no other" {
	https
	packets -i lo --pid "${pid_of[https]}"
	fetch one
	other_traffic
	stop_capture
	PORTS=$(fields tcp tcp.port | tr ',' '\n' | sort -u | grep -c -w "$PORT" || true)
	same "the server's port" 1 "$PORTS"
	requests one
	whole_connections 1
	same "packets of others" "" "$(fields "tcp.port != $PORT" frame.number)"

	FILE=$D/comm.pcapng
	cp /usr/bin/curl "$D/own-curl"
	packets -i lo --comm own-curl
	"$D/own-curl" -sk -o /dev/null "https://127.0.0.1:$PORT/$(marker two)"
	fetch three
	stop_capture
	requests two
	whole_connections 1
}

@test "--uid and --cgroup: whole connections of those processes, and of no other" {
	local root group
	https
	packets -i lo --uid 54321
	fetch root
	setpriv --reuid 54321 --clear-groups curl -sk -o /dev/null \
		"https://127.0.0.1:$PORT/$(marker user)"
	other_traffic
	stop_capture
	requests user
	whole_connections 1

	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$root" ] || return 0
	group=$root/$ID-packets
	mkdir "$group"
	cleanups+=("rmdir '$group'")
	FILE=$D/cgroup.pcapng
	packets -i lo --cgroup "$group"
	fetch outside
	sh -c "echo \$\$ >'$group/cgroup.procs' && exec curl -sk -o '$D/answer' \
		'https://127.0.0.1:$PORT/$(marker inside)'"
	stop_capture
	requests inside
	whole_connections 1
}

# A connection of two other processes.
other_traffic() {
	local port
	port=$(free_port)
	start other python3 -c "import socket
s = socket.create_server(('127.0.0.1', $port))
while True:
	c, _ = s.accept()
	c.sendall(c.recv(100))
	c.close()"
	wait_until 10 port_open "$port"
	python3 -c "import socket
c = socket.create_connection(('127.0.0.1', $port))
c.sendall(b'other')
assert c.recv(100) == b'other'"
}

@test "--pid: a connection from before the capture, and one that is silent" {
	start old python3 -c "import socket
l = socket.create_server(('127.0.0.1', 0))
print('listening', l.getsockname()[1], flush=True)
c, _ = l.accept()
input()
c.sendall(b'$(marker before)')
d, _ = l.accept()
d.recv(1)
input()"
	PORT=$(expect old '^listening ' | cut -d ' ' -f 2)
	exec 8<>"/dev/tcp/127.0.0.1/$PORT"
	packets -i lo --pid "${pid_of[old]}"
	say old go
	read -r -N "$(printf %s "$(marker before)" | wc -c)" -u 8
	# Nobody says anything for longer than packets wait.
	exec 9<>"/dev/tcp/127.0.0.1/$PORT"
	sleep 0.5
	exec 9>&- 8>&-
	sleep 0.3
	stop_capture
	same "bytes" "$(printf %s "$(marker before)" | wc -c)" "$(fields "tcp.srcport == $PORT && tcp.len > 0" tcp.len)"
	same "first packets of the new one" 2 "$(fields 'tcp.flags.syn == 1' frame.number | wc -l)"
	same "packets without a name" "" "$(fields 'tcp && !frame.comment' frame.number)"
}

@test "comments name the processes at both ends" {
	https
	packets -i lo "tcp port $PORT"
	fetch one
	stop_capture
	fields tcp frame.comment | sort | uniq -c | awk '{ $1 = ""; print }' >"$D/comments"
	same "comments" 2 "$(wc -l <"$D/comments")"
	grep -q "^ from curl\[[0-9]*\] to python3\[${pid_of[https]}\]$" "$D/comments"
	grep -q "^ from python3\[${pid_of[https]}\] to curl\[[0-9]*\]$" "$D/comments"
}

# A network namespace, and a pair of interfaces into it: $NET.1 is here, $NET.2 there.
namespace() {
	NETNS=ec$$-$BATS_TEST_NUMBER
	NET=${NET:-198.18.$((RANDOM % 256))} # RFC 2544: for tests
	ip netns add "$NETNS"
	cleanups+=("ip netns del $NETNS")
	ip link add "v$BATS_TEST_NUMBER-$$" type veth peer name eth0 netns "$NETNS"
	VETH=v$BATS_TEST_NUMBER-$$
	ip addr add "$NET.1/24" dev "$VETH"
	ip link set "$VETH" up
	ip netns exec "$NETNS" sh -c "ip addr add $NET.2/24 dev eth0; ip link set eth0 up; ip link set lo up"
}

# An s_server in the namespace.
serve_there() {
	PORT=443
	start there ip netns exec "$NETNS" openssl s_server -accept "$NET.2:443" -cert "$E2E_CERT" \
		-key "$E2E_KEY" -quiet -www
	wait_until 10 ip netns exec "$NETNS" bash -c "exec 9<>/dev/tcp/$NET.2/443"
}

@test "two interfaces, and the direction of packets on one that has two" {
	namespace
	serve_there
	packets -i "$VETH" -i lo "host $NET.2 and tcp port 443"
	curl -sk -o /dev/null "https://$NET.2/$(marker veth)"
	stop_capture
	same "requests" "/$(marker veth)" "$(fields http.request http.request.uri)"
	whole_connections 1
	same "interfaces" "$VETH" "$(fields tcp frame.interface_name | sort -u)"
	# 1 is inbound, 2 outbound: opt epb_flags of the pcapng draft
	same "out" "$(fields "ip.src == $NET.1" frame.number | wc -l)" "$(fields "ip.src == $NET.1 && frame.packet_flags_direction == 2" frame.number | wc -l)"
	same "in" "$(fields "ip.src == $NET.2" frame.number | wc -l)" "$(fields "ip.src == $NET.2 && frame.packet_flags_direction == 1" frame.number | wc -l)"
	[ "$(fields "ip.src == $NET.2" frame.number | wc -l)" -gt 3 ]
}

@test "an interface that comes while capturing, and goes" {
	NET=198.18.$((RANDOM % 256))
	packets host "$NET.2"
	namespace
	serve_there
	curl -sk -o /dev/null "https://$NET.2/$(marker late)"
	ip link del "$VETH"
	sleep 0.3
	stop_capture
	same "requests" "/$(marker late)" "$(fields http.request http.request.uri)"
	same "interfaces" "$VETH" "$(fields http.request frame.interface_name)"
}

@test "a named interface that moves to another namespace, and comes back" {
	namespace
	serve_there
	packets -i "$VETH" host "$NET.2"
	curl -sk -o /dev/null "https://$NET.2/$(marker first)"
	ip netns add "$NETNS-b"
	cleanups+=("ip netns del $NETNS-b")
	ip link set "$VETH" netns "$NETNS-b"
	wait_until 10 has_line "$LOG" "interface $VETH is gone: deleted, or in another network namespace"
	ip -n "$NETNS-b" addr add "$NET.1/24" dev "$VETH"
	ip -n "$NETNS-b" link set "$VETH" up
	ip netns exec "$NETNS-b" curl -sk -o "$D/there" "https://$NET.2/$(marker elsewhere)"
	[ -s "$D/there" ]
	ip -n "$NETNS-b" link set "$VETH" netns $$
	wait_until 10 has_line "$LOG" "packets of interface $VETH "
	ip addr add "$NET.1/24" dev "$VETH"
	ip link set "$VETH" up
	curl -sk -o /dev/null "https://$NET.2/$(marker back)"
	stop_capture
	same "requests" "/$(marker first) /$(marker back)" "$(fields http.request http.request.uri | xargs)"
}

@test "standard output, decrypted while it is written" {
	https
	"$ECAPTURE" tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} -m pcapng -w - -i lo \
		"tcp port $PORT" 2>"$LOG" > >(exec tshark -n -l -r - -d "tcp.port==$PORT,tls" -Y http.request \
		-T fields -e http.request.uri >"$D/shown" 2>"$D/tshark.err") </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	attached
	fetch one
	wait_until 10 has_line "$D/shown" "^/$(marker one)$"
	fetch two
	wait_until 10 has_line "$D/shown" "^/$(marker two)$"
	kill -INT "$ecapture_pid"
	wait "$ecapture_pid"
	same lines 2 "$(wc -l <"$D/shown")"
}

@test "a wrong filter, interface, size, two outputs in one: what is wrong with them" {
	launch tls -m pcapng -w "$FILE" -i lo tcp porrt 443
	refused 2 "packet filter: .*syntax error"
	grep -q '^ *\^$' "$LOG"
	launch tls -m pcapng -w "$FILE" -i nothere
	refused 2 'no interface "nothere"'
	[ ! -e "$FILE" ]
	launch tls -m pcapng -w "$FILE" -i lo --rotate-size 100
	refused 2 "files of 100 bytes .--rotate-size. are too small"
	launch tls -m pcapng -w - -k -
	refused 1 "standard output is for one of them"
}

@test "a file of packets in another mode: told that there is none" {
	capture tls -w "$FILE"
	stop_capture
	grep -q -- '--pcapfile.* no effect without --model pcapng' "$LOG"
	[ ! -e "$FILE" ]
	capture tls
	stop_capture
	same "told" 0 "$(grep -c 'no effect' "$LOG")"
}

@test "a named interface that is down: told so, and its packets come once it is up" {
	namespace
	serve_there
	ip link set "$VETH" down
	packets -i "$VETH" -i lo "host $NET.2"
	same "told" 1 "$(grep -c 'interface .* is down: no packets until it is up' "$LOG")"
	has_line "$LOG" "interface $VETH is down"
	ip link set "$VETH" up
	curl -sk --retry 5 --retry-connrefused -o /dev/null "https://$NET.2/$(marker up)"
	stop_capture
	same "requests" "/$(marker up)" "$(fields http.request http.request.uri)"
}

@test "a file that cannot be made: status 1" {
	launch tls -m pcapng -w "$D/no/such/file" -i lo
	refused 1 "$D/no/such/file"
}

@test "SIGKILL: nothing stays on the interface, and the file is good as far as it goes" {
	https
	packets -i lo "tcp port $PORT"
	fetch one
	wait_until 10 has_request
	bpf_objects "$ecapture_pid" >"$D/bpf"
	[ -s "$D/bpf" ]
	kill -KILL "$ecapture_pid"
	wait_until 3 is_done "$ecapture_pid"
	wait_until 5 no_bpf_left
	requests one
	packets -i lo "tcp port $PORT"
	fetch two
	stop_capture
	requests two
}

has_request() {
	[ "$(fields http.response frame.number | wc -l)" = 1 ]
}

@test "a disk that is full ends the capture with status 1" {
	mkdir "$D/small"
	mount -t tmpfs -o size=64k none "$D/small"
	cleanups+=("umount $D/small")
	https
	FILE=$D/small/packets.pcapng
	packets -i lo "tcp port $PORT"
	head -c 1000000 /dev/zero >"$D/large"
	curl -sk -o /dev/null --data-binary "@$D/large" -H Expect: "https://127.0.0.1:$PORT/$(marker large)"
	wait_until 10 is_done "$ecapture_pid"
	local status=0
	wait "$ecapture_pid" || status=$?
	same status 1 $status
	has_line "$LOG" '^error .*No space left'
	capinfos "$FILE" >"$D/capinfos" 2>&1 || { cat "$D/capinfos"; return 1; }
	same "lines of error" 1 "$(grep -c '^error ' "$LOG")"
}
