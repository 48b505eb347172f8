#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where libssl is: copies that only some process knows, in another mount namespace, deleted while
# mapped, mapped only after the capture began; each file once, whatever its names.

load lib

setup_file() {
	e2e_setup_file talk
}
setup() {
	e2e_setup
	start server "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
}
teardown() { e2e_teardown; }

# Where the dynamic linker finds a library.
library() {
	ldd "$E2E_BIN/talk" | awk -v name="$1" '$1 == name { print $3 }'
}

copy_libssl() { # DIRECTORY
	cp -L "$(library libssl.so.3)" "$(library libcrypto.so.3)" "$1/"
}

# The client's own side of its exchange. (The server has the system's libssl, and may have been
# waiting in SSL_read since before the capture.)
seen_at_client() { # NAME
	seen 1 "$(marker "$1")." pid="${pid_of[$1]}" direction=send
	seen 1 "re:$(marker "$1")." pid="${pid_of[$1]}" direction=recv
	seen 2 "$(marker "$1")." pid="${pid_of[$1]}"
}

exchange() { # NAME
	say "$1" "$(marker "$1")."
	expect "$1" "re:$(marker "$1")" >/dev/null
}

@test "a libssl that only a process in another mount namespace can see" {
	mkdir "$D/hidden"
	cat >"$D/run" <<-END
		mount -t tmpfs tmpfs "$D/hidden" &&
		cp -L "$(library libssl.so.3)" "$(library libcrypto.so.3)" "$D/hidden/" &&
		LD_LIBRARY_PATH="$D/hidden" exec "$E2E_BIN/talk" connect 127.0.0.1 $port
	END
	start client unshare --mount --propagation private sh "$D/run"
	expect client '^client pid='
	grep -q "$D/hidden/libssl" "/proc/${pid_of[client]}/maps"
	[ ! -e "$D/hidden/libssl.so.3" ]
	capture tls
	exchange client
	stop_capture
	seen_at_client client
}

@test "a libssl that was deleted while it is mapped" {
	mkdir "$D/gone"
	copy_libssl "$D/gone"
	start client env LD_LIBRARY_PATH="$D/gone" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect client '^client pid='
	rm -r "$D/gone"
	capture tls
	exchange client
	stop_capture
	seen_at_client client
}

# Its first bytes may pass before the probes are there: so it is asked again until it is seen.
seen_after_a_while() { # NAME
	local i
	for ((i = 0; i < 100; i++)); do
		say "$1" "$(marker "try$i")"
		expect "$1" "re:$(marker "try$i")" >/dev/null
		! grep -q "\"pid\":${pid_of[$1]},.*\"direction\":\"send\"" "$EVENTS" || return 0
		sleep 0.05
	done
	echo "$1 is never seen"
	return 1
}

@test "a libssl that is mapped for the first time after the capture began" {
	mkdir "$D/copy"
	copy_libssl "$D/copy"
	capture tls
	start client env LD_LIBRARY_PATH="$D/copy" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect client '^client pid='
	seen_after_a_while client
	exchange client
	# A second process with the same file is seen from its first byte.
	start second env LD_LIBRARY_PATH="$D/copy" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect second '^client pid='
	exchange second
	stop_capture
	seen_at_client client
	seen_at_client second
	same "times that the file was found" 1 "$(grep -c "$D/copy/libssl" "$LOG")"
}

@test "a file with several names is probed once" {
	mkdir "$D/a" "$D/b"
	copy_libssl "$D/a"
	ln "$D/a/libcrypto.so.3" "$D/b/"
	ln "$D/a/libssl.so.3" "$D/b/"
	start one env LD_LIBRARY_PATH="$D/a" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	start two env LD_LIBRARY_PATH="$D/b" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect one '^client pid='
	expect two '^client pid='
	capture tls
	exchange one
	exchange two
	stop_capture
	seen_at_client one
	seen_at_client two
}

# A prefix for a segment makes an instruction that the kernel sets no probe on (is_prefix_bad() in
# arch/x86/kernel/uprobes.c).
spoil_libssl() { # FILE
	local offset
	offset=$("$ECAPTURE" ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} \
		modules probe -o json "$1" | python3 -c 'import json, sys
print(next(place["offset"] for module in json.load(sys.stdin)["modules"]
	for place in module["places"] if place["what"] == "plaintext sent"))')
	printf '\x2e\x90' | dd of="$1" bs=1 seek="$offset" conv=notrunc status=none
}

@test "a libssl that nobody can probe does not keep others from being captured" {
	[ "$(uname -m)" = x86_64 ] || skip "made of x86-64 code"
	mkdir "$D/spoiled" "$D/good"
	copy_libssl "$D/spoiled"
	copy_libssl "$D/good"
	spoil_libssl "$D/spoiled/libssl.so.3"
	start mapper python3 -c 'import mmap, sys, time
file = open(sys.argv[1], "rb")
mapped = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
print("mapped", flush=True)
time.sleep(1000)' "$D/spoiled/libssl.so.3"
	expect mapper mapped
	start client env LD_LIBRARY_PATH="$D/good" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect client '^client pid='
	capture tls
	exchange client
	stop_capture
	seen_at_client client
	grep -q 'spoiled/libssl.so.3 .* left out: .* sets no probe on this instruction' "$LOG"
}

@test "--libssl: that file, not others" {
	mkdir "$D/copy"
	copy_libssl "$D/copy"
	start client env LD_LIBRARY_PATH="$D/copy" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect client '^client pid='
	capture tls --libssl "$D/copy/libssl.so.3"
	exchange client
	stop_capture
	seen 1 "$(marker client)." pid="${pid_of[client]}" direction=send
	seen 1 "re:$(marker client)." pid="${pid_of[client]}" direction=recv
	seen 2 "$ID"
}

@test "--pid: the libssl of that process alone" {
	mkdir "$D/copy"
	copy_libssl "$D/copy"
	start client env LD_LIBRARY_PATH="$D/copy" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect client '^client pid='
	capture tls --pid "${pid_of[client]}"
	same "files" "$D/copy/libssl.so.3" "$(sed -n 's/^info tls: \(.*libssl[^:]*\):.*/\1/p' "$LOG" | sed 's|.*map_files.*|?|')"
	exchange client
	stop_capture
	seen 1 "$(marker client)." pid="${pid_of[client]}" direction=send
	seen 2 "$ID"
}

@test "--pid: a program that has the library inside and shows neither its name nor symbols" {
	cc -static -s -std=gnu11 -D_GNU_SOURCE -O1 "$here/programs/talk.c" "$E2E_BIN/tls.o" \
		-o "$D/inside" -lssl -lcrypto -pthread 2>"$D/cc" || { cat "$D/cc"; return 1; }
	start client "$D/inside" connect 127.0.0.1 "$port"
	expect client '^client pid='
	capture tls --pid "${pid_of[client]}"
	exchange client
	stop_capture
	seen 1 "$(marker client)." pid="${pid_of[client]}" direction=send
	seen 2 "$ID"
	# Nothing is said of files of which nothing was expected.
	start other sleep 60
	capture tls --pid "${pid_of[other]}"
	stop_capture
	! grep -q warning "$LOG"
	has_line "$LOG" 'no library was found yet'
}

@test "--pid of a process that is not there" {
	local pid
	start brief true
	pid=${pid_of[brief]}
	wait_until 5 is_done "$pid"
	wait "$pid"
	launch tls --pid "$pid"
	refused 1 "$pid"
}
