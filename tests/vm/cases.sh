#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The cases of run.sh, as root in the kernel to be tried: cases.sh ECAPTURE PLUGIN_DIR WANTED, where
# WANTED is "nobtf" (the kernel's BTF is hidden first) or "all". Prints a line "ok NAME", "not ok
# NAME" or "skip NAME # reason" for each.
set -u
ecapture=$1 plugins=$2 wanted=$3
events=$(cd "$(dirname "$0")/.." && pwd)/e2e/programs/events.py
port=14433
cd "$(mktemp -d)" || exit 1
chmod 755 . /run
[ "$wanted" != nobtf ] || [ ! -d /sys/kernel/btf ] || mount -t tmpfs none /sys/kernel/btf

# result NAME COMMAND...
result() {
	local name=$1
	shift
	if "$@" >"$name.why" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		tail -n 12 "$name.why" "$name.log" 2>/dev/null | cut -c1-300 | sed 's/^/# /'
	fi
}

wait_for() { # PATTERN FILE PID: a line, unless the process ends first
	until grep -q -e "$1" "$2" 2>/dev/null; do
		kill -0 "$3" || return 1
		sleep 0.1
	done
}

start() { # NAME ARGUMENT...: ecapture, until it captures
	log=$1.log
	shift
	"$ecapture" --plugin-dir "$plugins" "$@" >out 2>"$log" </dev/null &
	capturing=$!
	wait_for capturing "$log" $capturing || { wait $capturing; cat "$log"; return 1; }
}

stop() { # it must end well and have lost nothing
	sleep 1 # what the last packets of closed connections need
	kill -INT $capturing
	wait $capturing || { echo "ended with $?"; return 1; }
	grep -q ', 0 lost, 0 damaged' "$log" || { echo "lost something"; return 1; }
}

same() { # WHAT EXPECTED GOT
	[ "$2" = "$3" ] || { echo "$1: expected $2, got $3"; return 1; }
}

get() { # CLIENT PATH: the body goes to stdout
	case $1 in
	curl) timeout 60 curl -sk "https://127.0.0.1:$port/$2" ;;
	curl12) timeout 60 curl -sk --tls-max 1.2 "https://127.0.0.1:$port/$2" ;;
	python3) timeout 60 /usr/bin/python3 -c '
import ssl, sys, urllib.request
context = ssl._create_unverified_context()
with urllib.request.urlopen(sys.argv[1], context=context) as answer:
    sys.stdout.buffer.write(answer.read())' "https://127.0.0.1:$port/$2" ;;
	esac
}

# Plaintext: what came over the connection, from the first byte to the last, once.
plaintext() { # CLIENT
	local comm=${1%12} line
	start "plaintext-$1" tls --comm "$comm" -o json --eventaddr "$1.json" || return
	get "$1" big >"$1.body" || { echo "$1: $?"; kill $capturing; return 1; }
	stop || return
	cmp big "$1.body" || return
	same requests 1 "$("$events" "$1.json" count "GET /big " direction=send)" || return
	/usr/bin/python3 - "$1.json" big <<-'END'
		import base64, json, sys
		got = b""
		for line in open(sys.argv[1]):
		    event = json.loads(line)
		    if event["direction"] == "recv":
		        got += (base64.b64decode(event["payload_base64"]) if "payload_base64" in event
		                else event["payload"].encode())
		body = open(sys.argv[2], "rb").read()
		head, _, rest = got.partition(b"\r\n\r\n")
		sys.exit(None if rest == body else f"{len(rest)} bytes of {len(body)}")
	END
}

# keylog: the same lines as the program's own.
keylog() {
	local client
	start keylog tls --comm curl -m keylog -k keys || return
	for client in curl curl12; do
		SSLKEYLOGFILE=$PWD/own get $client small >/dev/null || return
	done
	stop || return
	[ -s own ] && diff <(sort own) <(sort keys)
}

# A connection of TLS 1.2 from before the start: its key, or a word that there is none.
before() {
	local client
	SSLKEYLOGFILE=$PWD/own.before /usr/bin/python3 - $port >before.out 2>&1 <<-'END' &
		import http.client, os, ssl, sys, time
		open("/proc/self/comm", "w").write("before")
		context = ssl._create_unverified_context()
		context.maximum_version = ssl.TLSVersion.TLSv1_2
		context.keylog_filename = os.environ["SSLKEYLOGFILE"]
		connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), context=context)
		connection.connect()
		print("connected", flush=True)
		while not os.path.exists("go"):
		    time.sleep(0.1)
		for _ in range(3):
		    connection.request("GET", "/small")
		    connection.getresponse().read()
	END
	client=$!
	wait_for connected before.out $client || return
	start before tls --comm before -m keylog -k keys.before || return
	touch go
	wait $client || { cat before.out; return 1; }
	stop || return
	grep -q 'from before the start are not seen' "$log" ||
		diff <(grep ^CLIENT_RANDOM own.before) keys.before
}

# Packets: every request decrypts, from the file alone, and what was sent is there whole.
packets() {
	local i
	start packets tls -m pcapng -i lo -w packets.pcapng "tcp port $port" || return
	for i in 1 2 3 4 5 6; do
		get curl "small?$i" >/dev/null && get curl12 "small?old$i" >/dev/null || return
	done
	get curl big >/dev/null || return
	stop || return
	tshark -r packets.pcapng -d "tcp.port==$port,tls" -Y http.request -T fields -e http.request.uri \
		>uris 2>tshark.err || { cat tshark.err; return 1; }
	diff <(for i in 1 2 3 4 5 6; do echo "/small?$i"; echo "/small?old$i"; done; echo /big) uris || return
	tshark -r packets.pcapng -d "tcp.port==$port,tls" -Y http.response -T fields \
		-e http.content_length_header >lengths 2>/dev/null
	tshark -r packets.pcapng -Y tcp.analysis.lost_segment 2>/dev/null | diff - /dev/null || return
	tshark -r packets.pcapng -Y 'frame.time_delta < 0' 2>/dev/null | diff - /dev/null
}

# What is longer than a record can be is cut, and says how long it was.
large() {
	start large tls -m pcapng -i lo -w large.pcapng "udp port 14434 or tcp port 14434" || return
	/usr/bin/python3 - <<-'END'
		import socket
		to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		to.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
		for size in (1, 60000, 64000, 65000, 65507):
		    to.sendto(bytes(i & 0xff for i in range(size)), ("127.0.0.1", 14434))
	END
	stop || return
	tshark -r large.pcapng -Y udp -T fields -e frame.len -e frame.cap_len 2>/dev/null >sizes
	cat sizes
	same "original lengths" "43 60042 64042 65042 65549" "$(cut -f1 sizes | paste -sd' ')" || return
	same "lengths that grow, but for a limit" "" "$(awk '$2 > $1 || ($2 < $1 && $2 < 64512)' sizes)"
}

shell() {
	start shell bash -o json --eventaddr shell.json || return
	printf 'echo %s-marker\nexit\n' shell >typed
	script -qec "bash --norc -i" /dev/null <typed >/dev/null 2>&1
	stop || return
	same commands 1 "$(grep -c 'echo shell-marker' shell.json)"
}

check() { # MODULE
	"$ecapture" --plugin-dir "$plugins" modules check "$1" --run
}

[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
uname -r
head -c 1048576 /dev/urandom >big
echo small >small
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout key.pem \
	-out cert.pem -subj /CN=localhost 2>/dev/null
cat >server.py <<-'END'
	import http.server, ssl, sys
	open("/proc/self/comm", "w").write("server")
	class Files(http.server.SimpleHTTPRequestHandler):
	    protocol_version = "HTTP/1.1"
	    def log_message(self, *arguments):
	        pass
	server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Files)
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain("cert.pem", "key.pem")
	server.socket = context.wrap_socket(server.socket, server_side=True)
	print("ready", flush=True)
	server.serve_forever()
END
/usr/bin/python3 server.py $port >server.out 2>server.err &
server=$!
for module in sch_ingress cls_bpf veth; do
	modprobe $module 2>/dev/null
done
wait_for ready server.out $server
result check-tls check tls
result check-bash check bash
result plaintext-curl plaintext curl
result plaintext-curl12 plaintext curl12
result plaintext-python3 plaintext python3
result keylog keylog
result before before
result packets packets
result large large
result shell shell
kill $server
