#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What events look like and where they go: JSON lines, text, hex; a file, standard output; cut by
# -t; chosen by option or by ini file.

load lib

setup_file() {
	e2e_setup_file peek
}
setup() {
	e2e_setup
	question="$(marker question)"$'\e[31m \001\t"\\'
	answer="$(marker answer)"$'\xff\xfe bytes'
}
teardown() { e2e_teardown; }

# capture_as OPTION...: one exchange while ecapture runs as a user would type it. What it wrote on
# standard output is in $D/out.
capture_as() {
	"$ECAPTURE" tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} --comm peek "$@" \
		>"$D/out" 2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	attached
	start peek "$E2E_BIN/peek" "$question" "$answer"
	finish peek
	kill -INT "$ecapture_pid"
	wait "$ecapture_pid"
	client=$(field pid "$(expect peek '^client pid=')")
	server=$(field pid "$(expect peek '^server pid=')")
}

@test "text on standard output: who, which way, from where to where, and no control characters" {
	local ends
	capture_as
	ends=$(expect peek '^client pid=')
	grep -qF "$(marker question)" "$D/out"
	grep -qF "$(marker answer)" "$D/out"
	grep -F "$client" "$D/out" | grep -q "$(field local "$ends")"
	grep -F "$client" "$D/out" | grep -q "$(field peer "$ends")"
	grep -F "$server" "$D/out" | grep -q peek
	! grep -q $'[\e\001]' "$D/out"
}

@test "--hex: every byte" {
	local dump
	capture_as --hex
	# The bytes of the answer's end, as hex digits with spaces or without.
	dump=$(tr -d ' \n' <"$D/out" | tr A-F a-f)
	[[ $dump == *fffe2062797465* ]] || { cat "$D/out"; return 1; }
	! grep -q $'[\e\001]' "$D/out"
}

@test "JSON on standard output: nothing else there" {
	capture_as -o json
	EVENTS=$D/out
	moved "$client" "$server" "$question"
	same "events with bytes that are no text" 2 "$(grep -c payload_base64 "$D/out")"
	same "lines" 6 "$(wc -l <"$D/out")" # each side reads in two parts
}

@test "--eventaddr: a file that is there is continued, a new one is for its owner only" {
	capture_as -o json --eventaddr "$EVENTS"
	same "mode" 600 "$(stat -c %a "$EVENTS")"
	same "lines" 6 "$(wc -l <"$EVENTS")"
	capture_as -o json --eventaddr "$EVENTS"
	same "lines" 12 "$(wc -l <"$EVENTS")"
	[ ! -s "$D/out" ]
}

@test "-t: payload is cut, says so, and counts are of the whole" {
	capture_as -o json -t 10
	/usr/bin/python3 - "$D/out" <<-'END'
		import base64, json, sys
		events = [json.loads(line) for line in open(sys.argv[1])]
		for event in events:
		    data = (event["payload"].encode() if "payload" in event
		            else base64.b64decode(event["payload_base64"]))
		    assert len(data) == min(10, event["len"]), event
		    assert event.get("truncated", False) is (event["len"] > 10), event
		assert sum(event["len"] > 10 for event in events) == 4, events
	END
	grep -q "6 events, $((2 * ($(printf %s "$question$answer" | wc -c)))) bytes, 0 lost" "$LOG"
}

@test "-t in text says how much is left out" {
	capture_as -t 10
	! grep -qF "$(marker question)" "$D/out"
	grep -q "${ID:0:10}" "$D/out"
	grep -q "10 of ${#question} bytes" "$D/out" || { cat "$D/out"; return 1; }
}

@test "an ini file sets what the command line does not" {
	local dir
	dir=$(mktemp -d /var/lib/ecapture-e2e-ini.XXXXXX)
	cleanups+=("rm -r '$dir'")
	printf '; what we always want\n[global]\noutput = json\neventaddr = %s\n\n[bash]\nerrnumber = 3\n[tls]\nexact-symbols = true\n' \
		"$EVENTS" >"$dir/ecapture.ini"
	capture_as --config "$dir/ecapture.ini" --debug
	moved "$client" "$server" "$question"
	grep -q 'symbol' "$LOG"
	capture_as --config "$dir/ecapture.ini" --eventaddr "$D/other.json"
	same "lines in the file that the command line did not name" 6 "$(wc -l <"$EVENTS")"
	same "lines in the other" 6 "$(wc -l <"$D/other.json")"
}

@test "--logaddr: the log goes to a file" {
	"$ECAPTURE" tls ${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} --logaddr "$D/log" \
		>"$D/out" 2>"$D/err" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	wait_until 20 has_line "$D/log" capturing
	kill -INT "$ecapture_pid"
	wait "$ecapture_pid"
	has_line "$D/log" '[0-9] events, .* lost'
	[ ! -s "$D/err" ]
}

@test "--debug names the site, how it was found, and the instruction" {
	capture_as --debug
	grep -Eq '^debug tls: .*libssl\.so\.3.*ssl3_read.*SSL_METHOD' "$LOG" || { cat "$LOG"; return 1; }
	grep -E 'ssl3_write' "$LOG" | grep -Eq '(push|nop|jmp|j[a-z]+)' || { cat "$LOG"; return 1; }
}

@test "--help of a module, --version, modules list" {
	local dir=${ECAPTURE_PLUGIN_DIR:+--plugin-dir $ECAPTURE_PLUGIN_DIR}
	# shellcheck disable=SC2086
	"$ECAPTURE" tls $dir --help >"$D/help"
	grep -q -- '--libssl' "$D/help"
	grep -q -- '--pid' "$D/help"
	"$ECAPTURE" --version | grep -Eq '^ecapture.* [0-9]+\.[0-9]+'
	# shellcheck disable=SC2086
	"$ECAPTURE" $dir modules list >"$D/list"
	grep -q openssl "$D/list"
	grep -q bash "$D/list"
}
