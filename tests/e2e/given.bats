#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a user says of a build in which nothing is found: [tls.build "BUILD-ID"]. The build is made
# here: the machine's libssl, with other labels in place of those of a key log.

load lib
load keylog

setup_file() {
	e2e_setup_file
	export GIVEN_DIR
	# An ini file is believed only where nobody else writes.
	GIVEN_DIR=$(mktemp -d /var/lib/ecapture-e2e-given.XXXXXX)
	chmod 755 "$GIVEN_DIR"
	/usr/bin/python3 - "$(ldconfig -p | awk '/libssl\.so\.3 .*x86-64/ { print $NF; exit }')" \
		"$GIVEN_DIR/libssl.so.3" <<-'END'
		import sys
		library = open(sys.argv[1], 'rb').read()
		for label in b'TRAFFIC_SECRET', b'EXPORTER_SECRET', b'CLIENT_RANDOM':
		    for end in b'\0', b'_0\0':
		        library = library.replace(label + end, label[:-2] + b'X' + label[-1:] + end)
		open(sys.argv[2], 'wb').write(library)
	END
}

teardown_file() {
	[ -z "${GIVEN_DIR:-}" ] || rm -rf "$GIVEN_DIR"
}

setup() {
	e2e_setup
	LIB=$GIVEN_DIR/libssl.so.3 INI=$GIVEN_DIR/$BATS_TEST_NUMBER.ini
	ORIGINAL=$(ldconfig -p | awk '/libssl\.so\.3 .*x86-64/ { print $NF; exit }')
	[ -n "$ORIGINAL" ] || skip "no libssl.so.3"
	ID_OF_BUILD=$(readelf -n "$LIB" | sed -n 's/.*Build ID: //p')
}
teardown() { e2e_teardown; }

probe() { # CODE OPTION...: of the library, in $D/out and $D/err
	local status=0
	"$ECAPTURE" --plugin-dir "$ECAPTURE_PLUGIN_DIR" modules probe "$LIB" tls "${@:2}" >"$D/out" 2>"$D/err" ||
		status=$?
	same "exit code" "$1" $status || { cat "$D/out" "$D/err"; return 1; }
}

says() { # TEXT
	grep -q -F -e "$1" "$D/out" || { echo "does not say \"$1\":"; cat "$D/out"; return 1; }
}

# The key log function and the way to the client random, as they are in the library itself.
true_values() {
	"$ECAPTURE" --plugin-dir "$ECAPTURE_PLUGIN_DIR" modules probe "$ORIGINAL" tls >"$D/true"
	FUNCTION=$(awk '$1 == "tls" && $2 == "keys" { print $4 }' "$D/true")
	OFFSETS=$(sed -n 's/.* keys .*, at \([0-9a-fx,]*\)$/\1/p' "$D/true")
	[ -n "$FUNCTION" ] && [ -n "$OFFSETS" ]
}

ini() { # LINE...
	{ printf '[tls.build "%s"]\n' "$ID_OF_BUILD"; printf '%s\n' "$@"; } >"$INI"
}

@test "keys of a build without labels, by the function and the offsets that are given" {
	probe 0
	says 'no label of a key log leads to a function'
	true_values
	ini "keylog-function = $FUNCTION" "client-random = $OFFSETS"
	probe 0 --config "$INI"
	says "given by $INI:1; client random too, at $OFFSETS"
	! grep -q 'Cannot be captured' "$D/out"
	export LD_LIBRARY_PATH=$GIVEN_DIR
	serve
	capture tls -m keylog -k "$D/keys" --libssl "$LIB" --config "$INI"
	get
	get --tls-max 1.2
	stop_capture
	same_keys 6
	grep -q '^CLIENT_RANDXM ' "$D/keys"
}

@test "the same by a file that ecapture run reads" {
	true_values
	ini "keylog-function = $FUNCTION" "client-random = $OFFSETS" '[tls]' 'enabled = yes' 'model = keylog' \
		"keylogfile = $D/keys" "libssl = $LIB"
	export LD_LIBRARY_PATH=$GIVEN_DIR
	serve
	capture run --config "$INI"
	get
	stop_capture
	same_keys 5
}

@test "a way to the client random that SSL_get_client_random does not take is refused" {
	true_values
	ini "keylog-function = $FUNCTION" 'client-random = 0x8,0x0'
	probe 0 --config "$INI"
	says "$INI:1: [tls.build \"$ID_OF_BUILD\"] client-random: SSL_get_client_random of the file takes it from elsewhere than 0x8,0x0"
	launch tls -m keylog -k "$D/keys" --libssl "$LIB" --config "$INI"
	refused 1 'client-random: SSL_get_client_random of the file takes it from elsewhere than 0x8,0x0'
}

@test "a wrong way to the client random, where no getter tells, gives no key and is told" {
	true_values
	ini "keylog-function = $FUNCTION" 'client-random = 0x8,0x0'
	mkdir "$GIVEN_DIR/nameless"
	sed 's/SSL_get_client_random\x00/SSL_get_client_randoX\x00/' "$LIB" >"$GIVEN_DIR/nameless/libssl.so.3"
	export LD_LIBRARY_PATH=$GIVEN_DIR/nameless
	serve
	capture tls -m keylog -k "$D/keys" --libssl "$GIVEN_DIR/nameless/libssl.so.3" --config "$INI"
	get
	stop_capture
	[ "$(own_lines | wc -l)" -ge 5 ]
	[ ! -s "$D/keys" ]
	has_line "$LOG" 'client-random: the code at .* seems to take it from elsewhere than 0x8,0x0'
	[ "$(grep -c '(curl): no key is written: what client-random of \[tls.build\] leads to is none' "$LOG")" -eq 1 ]
	has_line "$LOG" 'secrets without a client random: '
}

@test "plaintext by functions that are given: symbols, and addresses with *done" {
	local text
	text=$(marker given)
	export LD_LIBRARY_PATH=$GIVEN_DIR
	serve
	ini 'read-function = SSL_read_ex' "write-function = 0x$(nm -D "$LIB" |
		awk '$3 ~ /^SSL_write_ex(@|$)/ { print $1 }')" 'result = done'
	capture tls --libssl "$LIB" --config "$INI" --comm python3
	/usr/bin/python3 -c "import ssl, socket
c = ssl.create_default_context(cafile='$E2E_CERT')
s = c.wrap_socket(socket.create_connection(('127.0.0.1', $PORT)), server_hostname='localhost')
s.send(b'GET /$text HTTP/1.0\r\n\r\n')
while s.recv(4096): pass"
	stop_capture
	seen 1 "$text" direction=send
	[ "$(events count 'HTTP/1.0 ' direction=recv)" -ge 1 ]
	has_line "$LOG" "$LIB: unknown, "
}

@test "what the section says and cannot be, by file, line and reason" {
	true_values
	local inside
	inside=$(printf '0x%x' $((FUNCTION + 1)))
	while IFS='|' read -r lines why; do
		[ -n "$lines" ] || continue
		printf '[tls.build "%s"]\n%b' "$ID_OF_BUILD" "$lines" >"$INI"
		probe "$(case $why in [0-9]*) echo 0 ;; *) echo 1 ;; esac)" --config "$INI"
		says "$INI:${why#*@}" || return 1
	done <<-END
		keylog-functoin = 1\n|@2: [tls.build "$ID_OF_BUILD"] unknown key "keylog-functoin"; did you mean "keylog-function"?
		result = many\n|@2: [tls.build "$ID_OF_BUILD"] result: "many" is not one of returned|done
		keylog-function = $FUNCTION\n|@1: [tls.build "$ID_OF_BUILD"] keylog-function: works together with client-random only
		write-function = SSL_write\n|@1: [tls.build "$ID_OF_BUILD"] write-function: works together with read-function only
		keylog-function = 1\nclient-random = x\n|@1: [tls.build "$ID_OF_BUILD"] client-random: expected are offsets below 0x100000
		keylog-function = 1\nclient-random = 1,2,3,4,5\n|@1: [tls.build "$ID_OF_BUILD"] client-random: more than 4 offsets
		keylog-function = 1\nclient-random = 0x100000\n|@1: [tls.build "$ID_OF_BUILD"] client-random: expected are
		keylog-function = $inside\nclient-random = 8\n|0@1: [tls.build "$ID_OF_BUILD"] keylog-function: $inside is inside of the function at $FUNCTION
		keylog-function = 0x7fffffffff\nclient-random = 8\n|0@1: [tls.build "$ID_OF_BUILD"] keylog-function: 0x7fffffffff is not in code of the file
		keylog-function = 12x\nclient-random = 8\n|0@1: [tls.build "$ID_OF_BUILD"] keylog-function: 12x is neither a number nor a symbol
		keylog-function = no_such\nclient-random = 8\n|0@1: [tls.build "$ID_OF_BUILD"] keylog-function: the file has no function no_such
		read-function = SSL_read\nwrite-function = no_such\n|@1: [tls.build "$ID_OF_BUILD"] write-function: the file has no function no_such
	END
	printf '[tls.build "not a build-id"]\n' >"$INI"
	probe 1 --config "$INI"
	says "$INI:1: [tls.build \"not a build-id\"] its name: is no build-id"
	printf '[tls.biuld "%s"]\n' "$ID_OF_BUILD" >"$INI"
	probe 1 --config "$INI"
	says 'did you mean [tls.build "NAME"]?'
}

@test "a capture, config check and other modules read the same sections" {
	ini 'keylog-function = 12x' 'client-random = 8'
	launch tls -m keylog -k "$D/keys" --libssl "$LIB" --config "$INI"
	refused 1 "keylog-function: 12x is neither a number nor a symbol"
	ini 'keylog-function = 12x'
	launch tls -m keylog -k "$D/keys" --libssl "$LIB" --config "$INI"
	refused 1 "$INI:1: .* works together with client-random only"
	ini 'keylog-functoin = 1'
	launch tls --config "$INI"
	refused 2 "$INI:2: .* did you mean \"keylog-function\""
	# The sections of a module are no business of another.
	launch bash --config "$INI" --bash /dev/null
	refused 1 '/dev/null'
	printf '[tls]\nenabled = yes\n[tls.build "%s"]\nclient-random = 0x160\nkeylog-function = 0x1000\n' \
		"$ID_OF_BUILD" >"$INI"
	"$ECAPTURE" --plugin-dir "$ECAPTURE_PLUGIN_DIR" config check "$INI" >"$D/out"
	says "  [tls.build \"$ID_OF_BUILD\"]"
	says "    client-random = 0x160  ($INI:4)"
	"$ECAPTURE" --plugin-dir "$ECAPTURE_PLUGIN_DIR" config check "$INI" -o json >"$D/out"
	says "\"keylog-function\": {"
}

@test "the JSON Schema takes such sections as the file does" {
	/usr/bin/python3 -c 'import jsonschema; jsonschema.Draft202012Validator' || skip "no python3-jsonschema"
	"$ECAPTURE" --plugin-dir "$ECAPTURE_PLUGIN_DIR" modules schema >"$D/schema"
	/usr/bin/python3 - "$D/schema" <<-'END'
		import json, sys
		from jsonschema import Draft202012Validator
		validator = Draft202012Validator(json.load(open(sys.argv[1])))
		keys = {'keylog-function': '0x1000', 'client-random': '0x160', 'result': 'done'}
		for section, content, taken in (
		        ('tls.build "0a"', keys, True), ('tls.build "0a"', {}, True),
		        ('tls.build "0a"', {'result': 'many'}, False), ('tls.build "0a"', {'results': 'done'}, False),
		        ('tls.build ""', keys, False), ('tls.build 0a', keys, False), ('tls.builds "0a"', keys, False),
		        ('bash.build "0a"', keys, False)):
		    if validator.is_valid({section: content}) != taken:
		        sys.exit(f'{section}: {content}: expected {taken}')
	END
}
