#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --record and "modules replay": the raw records of a capture in a file, and the same events out of
# it again, for anybody; files that are cut or damaged, and disks that are full.

load lib

setup_file() {
	e2e_setup_file load
}
setup() {
	e2e_setup
	REC=$D/file.rec
	shell_pid=
}
teardown() {
	[ -z "$shell_pid" ] || kill -HUP "$shell_pid" 2>/dev/null || true
	e2e_teardown
}

# replay MODULE FILE [OPTION...]: its output is in $D/replayed, its log in $D/replay.log, its exit
# code in $replay_status. $REPLAY_AS: by which command.
replay() {
	replay_status=0
	${REPLAY_AS:-} "${REPLAY_PROGRAM:-$ECAPTURE}" modules replay \
		${ECAPTURE_PLUGIN_DIR:+--plugin-dir "${REPLAY_MODULES:-$ECAPTURE_PLUGIN_DIR}"} "$@" \
		>"$D/replayed" 2>"$D/replay.log" </dev/null || replay_status=$?
}

replay_is() { # STATUS
	[ $replay_status = "$1" ] || {
		echo "replay ended with $replay_status, not $1:"
		cat "$D/replay.log"
		return 1
	}
}

# Refused before any event: one line of error that matches.
replay_refused() { # STATUS PATTERN
	replay_is "$1"
	[ ! -s "$D/replayed" ] || { echo "events all the same"; return 1; }
	same "lines of error" 1 "$(grep -c '^error ' "$D/replay.log")"
	grep '^error ' "$D/replay.log" | grep -Eq -e "$2" || { cat "$D/replay.log"; return 1; }
}

# As nobody, who has the program, the modules and a copy of the recording, all in $OPEN.
as_nobody() {
	OPEN=$(mktemp -d /var/lib/ecapture-e2e-replay.XXXXXX)
	cleanups+=("rm -r '$OPEN'")
	chmod 755 "$OPEN"
	install -m 755 "$ECAPTURE" "$OPEN/ecapture"
	install -m 755 -d "$OPEN/modules"
	install -m 755 "${ECAPTURE_PLUGIN_DIR:?}"/*.so "$OPEN/modules/"
	install -m 644 "$REC" "$OPEN/rec"
	REPLAY_PROGRAM=$OPEN/ecapture REPLAY_MODULES=$OPEN/modules
	REPLAY_AS="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all"
}

# A capture of curl and python3 that is recorded.
record_curl() {
	local port
	start server /usr/bin/python3 "$here/programs/https.py" serve
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls --record "$REC" "$@"
	curl --silent --show-error --cacert "$E2E_CERT" --max-time 10 --http1.1 -H 'Host: e2e.test' \
		"https://127.0.0.1:$port/$(marker path)" >/dev/null 3>&- 4>&-
	stop_capture
	seen 2 "GET /$(marker path) HTTP/1.1"
}

# A capture of many records that is recorded.
record_load() {
	capture tls --record "$REC" --comm load "$@"
	start load "$E2E_BIN/load" "$ID" 1 16384 0 200
	finish load
	stop_capture
}

# Offsets of the frames in a recording, as sdk/recording.md has it.
frames() {
	/usr/bin/python3 - "$1" <<-'END'
		import struct, sys
		data, at = open(sys.argv[1], "rb").read(), 16
		while at < len(data):
		    kind, _, _, size = struct.unpack_from("<HHII", data, at)
		    print(at, kind)
		    at += 24 + (size + 7) // 8 * 8
	END
}

# Changes a byte of a copy of the recording: $D/changed.rec.
change_byte() { # OFFSET
	cp "$REC" "$D/changed.rec"
	/usr/bin/python3 - "$D/changed.rec" "$1" <<-'END'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(int(sys.argv[2]))
		    byte = f.read(1)[0]
		    f.seek(int(sys.argv[2]))
		    f.write(bytes([byte ^ 0x10]))
	END
}

@test "curl and python3: the same events, byte for byte, for root and for nobody" {
	record_curl
	same "mode" 600 "$(stat -c %a "$REC")"
	replay tls "$REC" -o json
	replay_is 0
	cmp "$EVENTS" "$D/replayed"
	diff <(grep ': map \|events, ' "$LOG") <(grep ': map \|events, ' "$D/replay.log")
	as_nobody
	replay openssl "$OPEN/rec" -o json
	replay_is 0
	cmp "$EVENTS" "$D/replayed"
}

@test "a module that is the user's own file" {
	record_curl
	as_nobody
	install -d -o 65534 -g 65534 "$OPEN/own"
	install -o 65534 -g 65534 -m 755 "${ECAPTURE_PLUGIN_DIR:?}/openssl.so" "$OPEN/own/"
	replay "$OPEN/own/openssl.so" "$OPEN/rec" -o json
	replay_is 0
	cmp "$EVENTS" "$D/replayed"
	chown -R 1 "$OPEN/own"
	replay "$OPEN/own/openssl.so" "$OPEN/rec" -o json
	replay_refused 1 'openssl\.so: refused: belongs to uid 1'
}

@test "many records, also to a file, as a hex dump, and shortened" {
	record_load
	replay tls "$REC" -o json --eventaddr "$D/again.json"
	replay_is 0
	[ ! -s "$D/replayed" ]
	cmp "$EVENTS" "$D/again.json"
	replay tls "$REC" --hex --tsize 16
	replay_is 0
	grep -q '^\[\.\.\. 16 of 16384 bytes shown\]' "$D/replayed"
	has_line "$D/replayed" '^00000000  '
	same "events" "$(wc -l <"$EVENTS")" "$(grep -c ' tid [0-9]* uid ' "$D/replayed")"
}

@test "bash: lines and statuses are joined again" {
	export SHELL=/bin/bash
	start sh script -qfc "HISTFILE= exec bash --norc --noprofile -i" /dev/null
	say sh "echo pid=\$\$."
	shell_pid=$(expect sh 'pid=[0-9]*\.' | sed 's/.*pid=\([0-9]*\)\..*/\1/')
	capture bash --record "$REC"
	say sh "false # $(marker two)"
	say sh "for i in 1 2; do"
	say sh "echo \$i $(marker loop)"
	say sh "done; echo done-\$((40 + 2))."
	expect sh 'done-42\.'
	wait_until 10 grep -q "$(marker loop)" "$EVENTS"
	stop_capture
	replay bash "$REC" -o json
	replay_is 0
	cmp "$EVENTS" "$D/replayed"
	replay bash "$REC" -o json -e 1
	replay_is 0
	grep -q "$(marker two)" "$D/replayed"
	! grep -q "$(marker loop)" "$D/replayed"
}

@test "--debug says what the module was given, and by whom it was recorded" {
	record_load --exact-symbols
	replay tls "$REC" --debug
	replay_is 0
	has_line "$D/replay.log" '^debug tls: .*recorded by ecapture .* CPUs$'
	has_line "$D/replay.log" '^debug tls: .*was given exact-symbols = yes$'
}

@test "an older recording is gone, and its mode too" {
	head -c 1000000 /dev/zero >"$REC"
	chmod 644 "$REC"
	record_load
	same "mode" 600 "$(stat -c %a "$REC")"
	replay tls "$REC" -o json
	replay_is 0
	cmp "$EVENTS" "$D/replayed"
}

@test "a damaged file: nothing of it is shown, and the offset is told" {
	local at kind middle=0 n
	record_load
	n=$(frames "$REC" | wc -l)
	while read -r at kind; do
		middle=$((middle + 1))
		[ $middle -lt $((n / 2)) ] || break
	done < <(frames "$REC")
	for offset in $at $((at + 8)) $((at + 24)) $((at + 100)); do
		change_byte "$offset"
		replay tls "$D/changed.rec"
		replay_refused 1 "changed\.rec: damaged at offset $at:"
	done
	change_byte $(($(stat -c %s "$REC") - 1))
	replay tls "$D/changed.rec"
	replay_refused 1 "damaged at offset $(frames "$REC" | tail -n 1 | cut -d' ' -f1):"
	{ cat "$REC"; echo; } >"$D/longer.rec"
	replay tls "$D/longer.rec"
	replay_refused 1 "damaged at offset $(stat -c %s "$REC"): "
}

@test "a file that is cut: what is whole is shown, and where it ends" {
	local at next kind lines
	record_load
	{ read -r at kind; read -r next kind; } < <(frames "$REC" | awk '$2 == 5' | sed -n '100p;101p')
	for size in "$next" $((next - 1)) $((at + 24)) $((at + 1)); do
		head -c "$size" "$REC" >"$D/cut.rec"
		replay tls "$D/cut.rec" -o json
		replay_is 1
		lines=99
		[ "$size" != "$next" ] || lines=100
		cmp <(head -n $lines "$EVENTS") "$D/replayed"
		has_line "$D/replay.log" "^error tls: .*cut short at offset $([ $lines = 100 ] && echo "$next" || echo "$at"), after $lines whole records"
	done
	head -c 100 "$REC" >"$D/cut.rec"
	replay tls "$D/cut.rec"
	replay_refused 1 'cut\.rec: ends at offset [0-9]*, before its first record'
}

@test "what is no recording, of another version or another module" {
	record_load
	: >"$D/empty"
	replay tls "$D/empty"
	replay_refused 1 'not a recording'
	replay tls "$EVENTS"
	replay_refused 1 'not a recording'
	replay tls "$D/nowhere"
	replay_refused 1 'nowhere: cannot open it: No such file'
	replay tls "$D"
	replay_refused 1 'not a regular file'
	cp "$REC" "$D/later.rec"
	printf '\x02' | dd of="$D/later.rec" bs=1 seek=8 conv=notrunc status=none
	replay tls "$D/later.rec"
	replay_refused 1 'format 2\.0, this ecapture reads format 1'
	replay bash "$REC"
	replay_refused 1 'its records are of module openssl, not of bash'
}

@test "another version of the module: a warning" {
	record_load
	/usr/bin/python3 - "$REC" <<-'END'
		import struct, sys, zlib
		with open(sys.argv[1], "r+b") as f:
		    data, at = bytearray(f.read()), 16
		    while True:
		        kind, flags, number, size = struct.unpack_from("<HHII", data, at)
		        if kind == 2:
		            break
		        at += 24 + (size + 7) // 8 * 8
		    text = data[at + 24:at + 24 + size].split(b"\0")
		    text[1] = b"9" * len(text[1])
		    text = b"\0".join(text)
		    header = struct.pack("<HHIIII", kind, flags, number, size, zlib.crc32(text), 0)
		    f.seek(at)
		    f.write(header + struct.pack("<I", zlib.crc32(header)) + text)
	END
	replay tls "$REC" -o json
	replay_is 0
	cmp "$EVENTS" "$D/replayed"
	has_line "$D/replay.log" '^warning tls: .*recorded with version 99999 of the module, this is '
}

@test "options that came too late, or have no place" {
	record_load
	replay tls "$REC" --pid 1
	replay_refused 2 '--pid has no effect'
	replay tls "$REC" --record "$D/other.rec"
	replay_refused 2 '--record has no effect'
	replay tls
	replay_refused 2 'replay wants MODULE FILE'
	replay tsl "$REC"
	replay_refused 2 'tsl.*tls'
	replay tls "$REC" --exact-symbls
	replay_refused 2 'exact-symbls.*exact-symbols'
}

@test "--record refuses what is no file, and one that is in use" {
	launch tls --record /dev/full
	refused 1 'record: recording /dev/full: not a regular file'
	launch tls --record "$D"
	refused 1 'record: recording .*: not a regular file'
	launch tls --record "$D/nowhere/file"
	refused 1 'nowhere/file: No such file'
	capture tls --comm nobody --record "$REC"
	EVENTS=$D/other.json LOG=$D/other.log
	launch tls --record "$REC"
	refused 1 'file\.rec: in use, an ecapture records to it'
	replay tls "$REC"
	replay_refused 1 'file\.rec: an ecapture records to it'
}

@test "a full disk: the capture ends, and what was written is a recording" {
	mkdir "$D/small"
	mount -t tmpfs -o size=64k tmpfs "$D/small"
	cleanups+=("umount '$D/small'")
	capture tls --comm load --record "$D/small/rec"
	ends_when_full '^error tls: recording .*small/rec: No space left on device'
	replay tls "$D/small/rec" -o json
	replay_is 1
	has_line "$D/replay.log" '^error tls: .*cut short at offset'
	[ -s "$D/replayed" ]
	cmp <(head -n "$(wc -l <"$D/replayed")" "$EVENTS") "$D/replayed"
}

@test "a capture that is killed leaves all that was flushed" {
	capture tls --comm load --record "$REC"
	start load "$E2E_BIN/load" "$ID" 1 16384 0 200
	finish load
	# 200 messages each way, then nothing more comes.
	wait_until 10 same_size
	kill -KILL "$ecapture_pid"
	wait "$ecapture_pid" || true
	replay tls "$REC" -o json
	replay_is 1
	has_line "$D/replay.log" '^error tls: .*cut short at offset'
	cmp "$EVENTS" "$D/replayed"
}

# The event file and the recording have the same number of records, and keep it for a while.
same_size() {
	local events
	events=$(wc -l <"$EVENTS")
	[ "$events" -gt 0 ] && [ "$(frames "$REC" | awk '$2 == 5' | wc -l)" = "$events" ] || return 1
	sleep 0.5
	[ "$(wc -l <"$EVENTS")" = "$events" ]
}

@test "run: a recording for each module, and none for two" {
	local dir
	dir=$(mktemp -d /var/lib/ecapture-e2e-ini.XXXXXX)
	cleanups+=("rm -r '$dir'")
	cat >"$dir/both.ini" <<-END
		[tls]
		enabled = yes
		comm = load
		record = $D/tls.rec
		[bash]
		enabled = yes
		record = $D/bash.rec
	END
	launch run --config "$dir/both.ini"
	wait_until 20 has_line "$LOG" 'bash: capturing'
	start load "$E2E_BIN/load" "$ID" 1 1000 0 20
	finish load
	wait_until 10 grep -q "$ID-l0-19" "$EVENTS"
	kill -INT "$ecapture_pid"
	wait "$ecapture_pid"
	replay tls "$D/tls.rec" -o json
	replay_is 0
	cmp <(grep '"module":"openssl"' "$EVENTS") "$D/replayed"
	same "messages" 20 "$(grep -c "\"send\".*$ID" "$D/replayed")"
	replay bash "$D/bash.rec" -o json
	replay_is 0
	cmp <(grep '"module":"bash"' "$EVENTS" || true) "$D/replayed"
	sed -i "s/bash\.rec/tls.rec/" "$dir/both.ini"
	EVENTS=$D/other.json LOG=$D/other.log
	launch run --config "$dir/both.ini"
	refused 2 '\[bash\] record: \[tls\] records to .*tls\.rec already'
}
