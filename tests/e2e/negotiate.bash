# SPDX-License-Identifier: Apache-2.0
# What the tests of all that OpenSSL can negotiate share: servers and clients for each suite, and
# clients that we talk through. Needs keylog.bash.

# All that this build can do, but for SRP: s_server of OpenSSL 3.0 crashes when a client uses it.
EVERYTHING=ALL:COMPLEMENTOFALL:@SECLEVEL=0
EVERY_TLS13=TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256
EVERY_TLS13+=:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256
PSK=0102030405060708090a0b0c0d0e0f10

# Once for each file: certificates of the other kinds.
make_certificates() {
	export E2E_RSA=$BATS_FILE_TMPDIR/rsa E2E_DSA=$BATS_FILE_TMPDIR/dsa
	certificate "$E2E_RSA" rsa:2048
	openssl dsaparam -out "$BATS_FILE_TMPDIR/dsa.param" 1024 2>/dev/null
	certificate "$E2E_DSA" "dsa:$BATS_FILE_TMPDIR/dsa.param"
}

certificate() { # NAME NEWKEY
	openssl req -x509 -newkey "$2" -nodes -days 2 -keyout "$1.key" -out "$1.pem" \
		-subj /CN=localhost 2>/dev/null
}

# serve_all OPTION...: by all suites.
serve_all() {
	serve -rev -psk "$PSK" -cipher "$EVERYTHING" -ciphersuites "$EVERY_TLS13" "$@"
}

# suites VERSION PATTERN: names of those of that version, by what openssl ciphers -v says of them.
suites() {
	openssl ciphers -s -v -psk "-$1" "$EVERYTHING" | awk -v what="$2" \
		'$1 !~ /^TLS_/ && $0 ~ what { print $1 }'
}

# What the client says by a suite, and its options for it: nothing, unless a test has other words.
words_for() { # VERSION SUITE
	:
}
client_options=()

# negotiate VERSION SUITE...: one connection with each.
negotiate() {
	local version=$1 suite psk
	for suite in "${@:2}"; do
		psk=
		[[ $suite != *PSK* ]] || psk=$PSK
		client "-$version" -cipher "$suite:@SECLEVEL=0" ${psk:+-psk "$psk"} \
			"${client_options[@]}" < <(words_for "$version" "$suite") || true
		has_line "$D/client.out" "Cipher is $suite\$" || {
			echo "$version with $suite:"
			cat "$D/client.out"
			return 1
		}
	done
}

# every VERSION AT_LEAST: all of the version's suites.
every() {
	local list
	mapfile -t list < <(suites "$1" 'Au=(RSA|ECDSA|PSK|None)')
	[ ${#list[@]} -ge "$2" ] || { echo "${#list[@]} suites only: ${list[*]}"; return 1; }
	negotiate "$1" "${list[@]}"
}

# talk OPTION...: starts a client whose input we type, and waits for its handshake.
talk() {
	start talk openssl s_client -connect "127.0.0.1:$PORT" -keylogfile "$D/own" "$@"
	expect talk '^ *Verify return code' >/dev/null
}

# The server has turned round what we type: the connection is alive.
answered() { # TEXT
	say talk "$1"
	expect talk "^$(rev <<<"$1")\$" >/dev/null
}

twice_updated() {
	[ "$(grep -c KEYUPDATE "$D/talk.err")" = 2 ]
}
