#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Packet filters on an interface whose VLAN tags the kernel keeps beside the packets: what is in
# the files is what tcpdump -r finds in its own file of everything. And what is said of bad filters.

load lib

setup_file() { e2e_setup_file; }
setup() {
	e2e_setup
	command -v tcpdump >/dev/null || skip "tcpdump is not installed"
}
teardown() { e2e_teardown; }

# in_net COMMAND...: where the near end is. Not "ip netns exec", which hides what is mounted in /sys.
in_net() {
	nsenter --net="/run/netns/$NEAR" "$@"
}

# Two hosts with a cable. No IPv6: it talks by itself.
connect_hosts() {
	local host n=0
	NEAR=$ID-near FAR=$ID-far
	for host in "$NEAR" "$FAR"; do
		ip netns add "$host"
		cleanups+=("ip netns del $host")
		nsenter --net="/run/netns/$host" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	done
	ip -n "$NEAR" link add port type veth peer name port netns "$FAR"
	for host in "$NEAR" "$FAR"; do
		n=$((n + 1))
		ip -n "$host" link set port address 02:00:00:00:00:0$n up
	done
}

# watch NAME EXPRESSION: captures into $D/NAME.
watch() {
	start "$1" nsenter --net="/run/netns/$NEAR" "$ECAPTURE" \
		${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} \
		tls -m pcapng -i port -w "$D/$1" "$2"
	wait_until 20 has_line "$D/$1.err" capturing
}

# Frames with and without tags, which the kernel takes off those that come in.
talk() {
	in_net python3 "$here/programs/vlan_frames.py" port 1 2
	nsenter --net="/run/netns/$FAR" python3 "$here/programs/vlan_frames.py" port 2 1
	wait_until 10 received 15
}

received() { # N
	[ "$(ip -n "$NEAR" -j -s link show port | jq '.[0].stats64.rx.packets')" -ge "$1" ]
}

packets_of() { # FILE [EXPRESSION]
	tcpdump -r "$1" -t -nn -xx "${@:2}" 2>/dev/null
}

has_packets() { # FILE N
	[ "$(packets_of "$1" | grep -c '^[^[:space:]]')" -ge "$2" ]
}

EXPRESSIONS=(
	"udp port 9001"
	"vlan 100"
	"vlan 100 and udp dst port 9002"
	"vlan and vlan 200 and tcp"
	"src host 10.77.0.2 or (vlan and dst host 10.77.1.2)"
	"ether proto 0x88a8 or ether[14:2] = 0xa064"
)

@test "with VLANs of one and two tags: the packets that tcpdump -r finds" {
	connect_hosts
	local i n
	start all nsenter --net="/run/netns/$NEAR" \
		tcpdump -i port --immediate-mode -U -w "$D/all" -Z root
	wait_until 10 has_line "$D/all.err" 'listening on port'
	for i in "${!EXPRESSIONS[@]}"; do
		watch "capture$i" "${EXPRESSIONS[i]}"
	done
	talk
	wait_until 10 has_packets "$D/all" 30
	for i in "${!EXPRESSIONS[@]}"; do
		end_process "${pid_of[capture$i]}" INT
	done
	end_process "${pid_of[all]}" INT
	for i in "${!EXPRESSIONS[@]}"; do
		packets_of "$D/all" "${EXPRESSIONS[i]}" >"$D/expected"
		packets_of "$D/capture$i" >"$D/found"
		n=$(grep -c '^[^[:space:]]' "$D/expected")
		[ "$n" -ge 2 ] && [ "$n" -lt 20 ] || { echo "${EXPRESSIONS[i]}: tcpdump has $n"; return 1; }
		diff -u "$D/expected" "$D/found" || { echo "${EXPRESSIONS[i]}"; return 1; }
	done
}

@test "inbound and outbound" {
	connect_hosts
	watch in "inbound and not vlan"
	watch out "outbound and not vlan"
	talk
	end_process "${pid_of[in]}" INT
	end_process "${pid_of[out]}" INT
	packets_of "$D/in" >"$D/found"
	[ -s "$D/found" ]
	packets_of "$D/in" ether src 02:00:00:00:00:02 | diff - "$D/found"
	packets_of "$D/out" >"$D/found"
	[ -s "$D/found" ]
	packets_of "$D/out" ether src 02:00:00:00:00:01 | diff - "$D/found"
}

# send_to ADDRESS...: a datagram to each, out of the port. An ARP request has no place here.
send_to() {
	local address
	for address; do
		[[ $address == 255.* ]] || ip -n "$NEAR" neigh replace "$address" dev port lladdr 02:00:00:00:00:02 ||
			true # a broadcast needs none
	done 2>"$D/neigh.err"
	in_net python3 -c "import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'port')
for address in sys.argv[1:]:
	s.sendto(b'hello', (address, 9001))" "$@"
}

retaken() { # TIMES
	[ "$(grep -c 'packets of interface port' "$D/capture.err")" -ge "$1" ]
}

# tcpdump asks for the interface's mask with -f only, and has its bytes in the wrong order then.
@test "ip broadcast: those of the interface's address, and of one that it gets later" {
	connect_hosts
	start all nsenter --net="/run/netns/$NEAR" \
		tcpdump -i port --immediate-mode -U -w "$D/all" -Z root udp
	wait_until 10 has_line "$D/all.err" 'listening on port'
	ip -n "$NEAR" addr add 10.77.16.1/20 broadcast + dev port
	watch capture "ip broadcast"
	send_to 10.77.31.255 255.255.255.255 10.77.17.255 10.77.16.2
	ip -n "$NEAR" addr flush dev port
	wait_until 10 retaken 1
	ip -n "$NEAR" addr add 10.78.0.1/25 broadcast + dev port
	wait_until 10 retaken 2
	send_to 10.78.0.127 10.78.0.2 255.255.255.255
	wait_until 10 has_packets "$D/all" 7
	end_process "${pid_of[capture]}" INT
	end_process "${pid_of[all]}" INT
	packets_of "$D/all" "dst 10.77.31.255 or dst 255.255.255.255 or dst 10.78.0.127" >"$D/expected"
	same "broadcasts" 4 "$(grep -c '^[^[:space:]]' "$D/expected")"
	packets_of "$D/capture" | diff -u "$D/expected" -
}

@test "sixty interfaces" {
	connect_hosts
	local i
	for i in {1..30}; do
		ip -n "$NEAR" link add "near$i" type veth peer name "far$i"
		ip -n "$NEAR" link set "near$i" up
		ip -n "$NEAR" link set "far$i" up
	done
	start capture nsenter --net="/run/netns/$NEAR" "$ECAPTURE" \
		${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} \
		tls -m pcapng -i any -w "$D/capture" "udp port 9001 and not vlan"
	wait_until 30 has_line "$D/capture.err" capturing
	in_net python3 "$here/programs/vlan_frames.py" near1 1 2
	in_net python3 "$here/programs/vlan_frames.py" far30 2 1
	end_process "${pid_of[capture]}" INT
	same "packets, of both ends" 4 "$(packets_of "$D/capture" | grep -c '^[^[:space:]]')"
}

# refused LINES EXPRESSION...: exit code 2, and these lines, of which the first is the end of one.
refused() {
	local status=0
	"$ECAPTURE" ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} \
		tls -m pcapng -i lo -w "$D/packets" "${@:2}" 2>"$D/err" >"$D/out" </dev/null || status=$?
	same "exit code" 2 "$status"
	[[ "$(<"$D/err")" == "error tls: "*"$1" ]] || { cat "$D/err"; return 1; }
	[ ! -e "$D/packets" ]
}

@test "a bad filter: libpcap's words, a caret under the place, exit code 2, and no file" {
	refused "syntax error
    tcp porrt 443
        ^" tcp porrt 443
	refused "illegal port number 99999 > 65535
    host 10.0.0.1 and port 99999
                           ^" "host 10.0.0.1 and port 99999"
	refused "expression rejects all packets
    tcp and udp" tcp and udp
}
