#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ecapture modules probe: real libraries and programs of this machine, files that are none, and
# modules that do to it what they can.

load lib

setup_file() {
	e2e_setup_file
	make_modules_dir
}
teardown_file() { remove_modules_dir; }

setup() {
	e2e_setup
	M=$MODULES_DIR/$BATS_TEST_NUMBER
	mkdir "$M"
	LIBSSL=$(ldconfig -p | awk '/libssl\.so\.[0-9].*x86-64/ { print $NF; exit }')
}
teardown() { e2e_teardown; }

# probe CODE ARGUMENT...: as text in $D/out and as JSON in $D/json, the log in $D/err; both end so.
probe() {
	local code=$1 status=0
	shift
	"$ECAPTURE" --plugin-dir "${FROM:-$ECAPTURE_PLUGIN_DIR}" modules probe "$@" >"$D/out" 2>"$D/err" || status=$?
	same "exit code" "$code" $status || { cat "$D/out" "$D/err"; return 1; }
	status=0
	"$ECAPTURE" --plugin-dir "${FROM:-$ECAPTURE_PLUGIN_DIR}" modules probe "$@" -o json >"$D/json" 2>"$D/err.json" || status=$?
	same "exit code of JSON" "$code" $status || { cat "$D/json" "$D/err.json"; return 1; }
}

says() { # TEXT...: each is in the output
	local text
	for text; do
		grep -q -F -e "$text" "$D/out" || { echo "does not say \"$text\":"; cat "$D/out"; return 1; }
	done
}

logged() { # TEXT
	grep -q -F -e "$1" "$D/err" || { echo "did not log \"$1\":"; cat "$D/err"; return 1; }
}

# json EXPRESSION: a Python expression on the object, j, must be true; m has its modules by command,
# p the places of tls.
json() {
	/usr/bin/python3 - "$D/json" "$1" <<-'END'
		import json, sys
		with open(sys.argv[1], encoding='ascii') as file:
		    j = json.load(file)
		m = {x['command']: x for x in j['modules']} if isinstance(j, dict) else {}
		p = m.get('tls', {}).get('places', [])
		if not eval(sys.argv[2]):
		    sys.exit(f'not so: {sys.argv[2]}: {json.dumps(j, indent=1)[:3000]}')
	END
}

# module SURVEY [FLAG...]: a module whose survey() has these statements, alone in its directory.
module() {
	cc -std=gnu11 -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -I"$here/../../sdk" \
		-Wa,-I,"$MODULES_DIR" "$here/programs/faulty.c" -o "$M/x.so" ${1:+"-DSURVEY=$1"} "${@:2}"
	FROM=$M
}

# ---- what is there ----

@test "libssl: plaintext and keys, each with its place and how it was found" {
	probe 0 "$LIBSSL"
	says "$LIBSSL" 'x86-64' 'OpenSSL' 'before_the_start' 'Can be captured:' 'plaintext received' \
		'SSL_METHOD table (' 'client random as in SSL_get_client_random' 'neither a bash nor a libreadline'
	json 'j["file"] == "'"$LIBSSL"'" and j["machine"] == "x86-64" and j["native"] and j["capturable"] and not j["error"]'
	json '{x["what"] for x in p} >= {"plaintext received", "plaintext sent", "keys", "premaster secrets of RSA"}'
	json 'all(x["address"] > 0 and x["offset"] > 0 and x["how"] and x["instruction"] for x in p)'
	json '[x["emulated"] for x in p if x["what"] == "plaintext sent"] == [True]'
	json 'not j["deleted"] and not j["foreign"] and j["pid"] is None and not m["bash"]["places"]'
	same build-id "$(readelf -n "$LIBSSL" | sed -n 's/.*Build ID: //p')" \
		"$(/usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["build_id"])' <"$D/json")"
}

@test "what is told is what a capture probes" {
	probe 0 "$LIBSSL" tls
	json '[x["command"] for x in j["modules"]] == ["tls"]'
	capture tls --debug --libssl "$LIBSSL" --pid $$
	grep -o 'file offset 0x[0-9a-f]*' "$LOG" | sed 's/.* //' | sort -u >"$D/probed"
	stop_capture
	/usr/bin/python3 -c 'import json,sys
for x in json.load(sys.stdin)["modules"][0]["places"]:
    if x["what"] not in ("keys", "premaster secrets of RSA"): print(hex(x["offset"]))' <"$D/json" | sort -u >"$D/told"
	[ -s "$D/told" ] || return 1
	diff -u "$D/probed" "$D/told"
}

@test "bash: its commands" {
	probe 0 /bin/bash
	says 'lines typed' execute_command 'symbol in .dynsym'
	json 'm["bash"]["places"] and not p and {x["what"] for x in m["tls"]["missing"]} == {"plaintext", "keys"}'
}

@test "a program with OpenSSL inside" {
	needs_node
	probe 0 "$NODE" tls
	json 'm["tls"]["facts"]["library"] == "OpenSSL"'
	json 'm["tls"]["facts"]["version"].startswith("OpenSSL ") and m["tls"]["facts"]["version"][-4:].isdigit()'
	json '{x["what"] for x in p} >= {"plaintext received", "plaintext sent", "keys"}'
}

@test "BoringSSL" {
	local lib
	lib=$(ldd "$(command -v bssl-tool || true)" 2>/dev/null | awk '/android.*libssl/ { print $3 }')
	[ -n "$lib" ] || skip "no bssl-tool (Debian: android-boringssl)"
	probe 0 "$lib" tls
	json 'm["tls"]["facts"]["library"] == "BoringSSL" and "keys" in {x["what"] for x in p}'
}

@test "libraries of another machine are looked into, too" {
	needs_build arm64-debian12
	probe 0 "$BUILD" tls
	says "arm64, not this machine's"
	json 'j["machine"] == "arm64" and not j["native"] and m["tls"]["facts"]["library"] == "OpenSSL"'
	json '{x["what"] for x in p} >= {"plaintext received", "plaintext sent", "keys"}'
	needs_build arm64-android
	probe 0 "$BUILD" tls
	json 'm["tls"]["facts"]["library"] == "BoringSSL" and "keys" in {x["what"] for x in p}'
}

@test "a process: all files that it has mapped" {
	cp "$LIBSSL" "$D/libssl.so.3"
	start sleeper /usr/bin/python3 -c 'import ctypes, sys, os
ctypes.CDLL(sys.argv[1])
os.unlink(sys.argv[1])
print("mapped", flush=True)
sys.stdin.readline()' "$D/libssl.so.3"
	expect sleeper mapped
	probe 0 --pid "${pid_of[sleeper]}" tls
	says "$D/libssl.so.3" ' deleted' 'plaintext received' 'Nothing can be captured in the other ' 'libc.so.6'
	json '[x["file"] for x in j if x["deleted"]] == ["'"$D/libssl.so.3"'"]'
	json 'all(x["capturable"] for x in j if "libssl" in x["file"])'
	json 'any("/libc.so.6" in x["file"] and not x["capturable"] and x["modules"][0]["missing"] for x in j)'
	# The same file by the process's own view of it.
	probe 1 "/proc/${pid_of[sleeper]}/exe" tls
	json 'j["pid"] == '"${pid_of[sleeper]}"
}

@test "a library in another mount namespace" {
	mkdir "$D/mount"
	start sleeper unshare -m --propagation private sh -c "mount -t tmpfs none '$D/mount' &&
		cp '$LIBSSL' '$D/mount/libssl.so.3' && echo ready && read line"
	expect sleeper ready
	[ ! -e "$D/mount/libssl.so.3" ]
	probe 0 "/proc/${pid_of[sleeper]}/root$D/mount/libssl.so.3" tls
	says 'in the mount namespace of another process' 'plaintext received'
	json 'j["foreign"] and not j["deleted"]'
}

# ---- what is not ----

@test "a library with nothing to capture: reasons and exit code 1" {
	local crypto=${LIBSSL/libssl/libcrypto}
	probe 1 "$crypto"
	says 'Cannot be captured:' 'TLS is in the libssl that uses it' 'no SSL_METHOD tables in data' \
		'no label of a key log leads to a function' 'OpenSSL '
	! grep -q 'Can be captured' "$D/out"
	json 'not j["capturable"] and not p and len(m["tls"]["missing"]) == 2'
}

@test "a program that has the library of another file: with what it is linked" {
	probe 1 "$(command -v curl)" tls
	says 'It is linked with other files' '--pid PID looks into all' 'libcurl.so.4'
	json '"libcurl.so.4" in j["needed"] and "libc.so.6" in j["needed"] and not j["capturable"]'
	probe 0 "$LIBSSL" tls
	! grep -q 'It is linked' "$D/out"
	json 'any(x.startswith("libcrypto.so") for x in j["needed"])'
}

@test "files that are no programs" {
	echo text that is long enough to be an ELF header, which has sixty-four bytes in all, as is known >"$D/text"
	probe 1 "$D/text"
	logged "$D/text is not an ELF file"
	json 'j["error"].endswith("/text is not an ELF file") and j["modules"] == [] and not j["capturable"]'
	: >"$D/empty"
	probe 1 "$D/empty"
	logged "$D/empty is not an ELF file"
	probe 1 "$D"
	logged "$D is not a regular file"
	probe 1 "$D/absent"
	logged "open $D/absent: No such file or directory"
	mkfifo "$D/fifo"
	probe 1 "$D/fifo"
	logged "$D/fifo is not a regular file"
	printf '\x7fELF\x01\x01\x01%057d' 0 >"$D/elf32"
	probe 1 "$D/elf32"
	logged "$D/elf32 is for a 32-bit machine"
}

@test "cut and damaged libraries do no harm" {
	local size n
	size=$(stat -c %s -L "$LIBSSL")
	for n in 64 100 4096 $((size / 4)) $((size / 2)) $((size - 4096)); do
		head -c "$n" "$LIBSSL" >"$D/cut"
		"$ECAPTURE" --plugin-dir "$ECAPTURE_PLUGIN_DIR" modules probe "$D/cut" -o json >"$D/json" 2>"$D/err" || [ $? = 1 ]
		json '"did not" not in str(j) and "crashed" not in str(j)'
	done
}

@test "who may not read a file is told so" {
	cp "$LIBSSL" "$D/libssl.so.3"
	chmod 600 "$D/libssl.so.3"
	# Where everybody can read them.
	install -m 755 "$ECAPTURE" "$ECAPTURE_PLUGIN_DIR"/*.so "$M/"
	local status=0 nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups "$M/ecapture" --plugin-dir "$M")
	"${nobody[@]}" modules probe "$D/libssl.so.3" >"$D/out" 2>"$D/err" || status=$?
	same "exit code" 1 $status
	logged "$D/libssl.so.3: Permission denied"
	# Who may, needs no other right.
	"${nobody[@]}" modules probe "$LIBSSL" >"$D/out" 2>"$D/err"
	says 'plaintext received'
}

@test "words that make no sense" {
	probe 2
	logged 'probe wants FILE, or --pid'
	probe 1 "$LIBSSL" tlss
	logged 'did you mean'
	start sleeper true
	wait "${pid_of[sleeper]}"
	probe 1 --pid "${pid_of[sleeper]}"
	logged "process ${pid_of[sleeper]}"
}

# ---- modules ----

@test "a module that finds something, and what it says is made harmless" {
	module 'tell(ECAP_FINDING_PLACE,"a\tthing","by \033[31mits looks")'
	probe 0 "$LIBSSL"
	says 'a thing' 'by \x1b[31mits looks' '0x1234' '0x234' 'seen_as'
	json 'm["faulty"]["facts"]["seen_as"] == "'"$LIBSSL"'"'
	json 'm["faulty"]["places"][0]["instruction"] is None and m["faulty"]["places"][0]["offset"] == 0x234'
}

@test "a module without survey() is not asked" {
	module ''
	probe 1 "$LIBSSL"
	says 'it does not say what it can capture in a file: no survey()'
	json 'not m["faulty"]["asked"]'
}

@test "a module that crashes, ends the process or does not return; the others go on" {
	module 'crash()'
	install -m 755 "$ECAPTURE_PLUGIN_DIR/openssl.so" "$M/"
	probe 0 "$LIBSSL"
	says 'crashed by signal 11 (Segmentation fault)' 'plaintext received'
	logged "module 'faulty' 0.3.1 crashed (Segmentation fault) in survey()"
	json 'p and m["faulty"]["error"] == "crashed by signal 11 (Segmentation fault)"'
	module 'exit(0)'
	probe 0 "$LIBSSL"
	json 'p and m["faulty"]["error"] == "ended the process, with exit code 1"'
	module 'loop()'
	probe 1 "$LIBSSL" faulty --patience 500ms
	json 'm["faulty"]["error"] == "did not return within 500 ms; it was ended"'
	! pgrep -f "$M/x.so"
}

@test "a module that breaks the rules, or gives up" {
	module 'return ecap_fail(ctx,-5,"cannot tell today")'
	probe 1 "$LIBSSL"
	says 'cannot tell today'
	module 'tell(77,"a","b")'
	probe 1 "$LIBSSL"
	says 'a finding that is not as it should be: kind is no ECAP_FINDING_*'
	module 'for(;;)if(tell(ECAP_FINDING_MISSING,"a","b"))return -28'
	probe 1 "$LIBSSL"
	json 'len(m["faulty"]["missing"]) == 1023 and "more than 1024 findings" in m["faulty"]["error"]'
	module 'return 5'
	probe 1 "$LIBSSL"
	says 'survey() returned 5, which is neither 0 nor a negative errno'
	module 'uint32_t n;ctx->host->emit(ctx->self,NULL);return ctx->host->pick_bpf(ctx->self,&n)'
	probe 1 "$LIBSSL"
	says 'emit() called'
}
