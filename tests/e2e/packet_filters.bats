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
