# SPDX-License-Identifier: Apache-2.0
# What the tests of key log mode share: a server that knows nothing of key logs, and the comparison
# of what ecapture wrote ($D/keys) with what the program itself did ($D/own).

# serve OPTION...: openssl s_server on a free port, which knows nothing of key logs.
serve() {
	PORT=$(free_port)
	[ $# -gt 0 ] || set -- -www
	start server openssl s_server -accept "127.0.0.1:$PORT" -cert "$E2E_CERT" -key "$E2E_KEY" \
		-quiet "$@"
	wait_until 10 port_open "$PORT"
}

# The lines that the program wrote.
own_lines() {
	grep -v '^#' "$D/own" | sort -u
}

# Both files have the same lines for the program's client randoms, at least N, and each once.
same_keys() { # N
	local n
	own_lines >"$D/expected"
	n=$(wc -l <"$D/expected")
	[ "$n" -ge "$1" ] || { echo "the program wrote $n lines only"; return 1; }
	awk '{ print $2 }' "$D/expected" | sort -u >"$D/randoms"
	grep -F -f "$D/randoms" "$D/keys" | sort >"$D/found"
	diff -u "$D/expected" "$D/found"
}

get() { # OPTION...
	SSLKEYLOGFILE=$D/own curl -sk -o /dev/null "$@" "https://127.0.0.1:$PORT/"
}

# client OPTION...: s_client to that server, with a key log of its own; its input is ours.
client() {
	timeout 20 openssl s_client -connect "127.0.0.1:$PORT" -keylogfile "$D/own" "$@" \
		>"$D/client.out" 2>&1
}

# Nobody that we started was taken for one that had connections before the capture.
none_older() {
	local name
	for name in "${!pid_of[@]}"; do
		! has_line "$LOG" "process ${pid_of[$name]} .*from before the start" || return 1
	done
}

# dump FILTER: tcpdump into $D/packets.
dump() {
	start tcpdump tcpdump -i lo -s 0 -B 65536 --immediate-mode -U -w "$D/packets" "$1"
	wait_until 10 has_line "$D/tcpdump.err" 'listening on lo'
}

# What is on its way to tcpdump when it is told to end is lost.
has_all_packets() {
	local before
	before=$(stat -c %s "$D/packets")
	sleep 0.3
	[ "$(stat -c %s "$D/packets")" = "$before" ]
}

end_dump() {
	wait_until 10 has_all_packets
	end_process "${pid_of[tcpdump]}" INT
	has_line "$D/tcpdump.err" '^0 packets dropped by kernel'
}

# second_module: a directory where only root writes, with the openssl module, and once more under
# another name: $MODULES_DIR.
second_module() {
	local source=$here/../../plugins/openssl build=${builddir:-$(dirname "$ECAPTURE")}
	export MODULES_DIR
	MODULES_DIR=$(mktemp -d /var/lib/ecapture-e2e-keys.XXXXXX)
	chmod 755 "$MODULES_DIR"
	cp "${ECAPTURE_PLUGIN_DIR:?}/openssl.so" "$MODULES_DIR/"
	sed 's/\.name = "openssl", \.command = "tls", \.aliases = "openssl"/.name = "second", .command = "again"/' \
		"$source/openssl.c" >"$BATS_FILE_TMPDIR/second.c"
	grep -q '\.name = "second"' "$BATS_FILE_TMPDIR/second.c"
	# shellcheck disable=SC2046 # several files
	cc -std=gnu11 -D_GNU_SOURCE -O1 -fPIC -shared -fvisibility=hidden -I"$here/../../sdk" \
		-I"$source" -I"$here/../../bpf" -Wa,-I"$build/bpf" "$BATS_FILE_TMPDIR/second.c" \
		$(find "$source" -name '*.c' ! -name openssl.c) -Wl,-z,defs -lbpf -lpthread \
		-o "$MODULES_DIR/second.so"
}

launch_two() {
	"$ECAPTURE" run --plugin-dir "$MODULES_DIR" --config "$MODULES_DIR/run.ini" >"$D/ecapture.out" \
		2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
}

# run_two: both of them, by $MODULES_DIR/run.ini, until they capture.
run_two() {
	launch_two
	wait_until 20 has_line "$LOG" '^info tls: capturing'
	wait_until 20 has_line "$LOG" '^info again: capturing'
}

hex() {
	printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}
