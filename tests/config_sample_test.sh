#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sample configuration, in TAP: valid as it is and with every option in force, made of nothing
# but comments. Needs neither root nor BPF.
set -u
export LC_ALL=C.UTF-8
. "${top_srcdir:?run by make check}/tests/derived/lib.bash"

make_vendor vendor
make_vendor required -DREQUIRED
ours=$(printf '.libs/%s ' $MODULES)
# shellcheck disable=SC2086 # several files
ecapture config sample $ours "$tmp/vendor.so" >"$tmp/sample.ini" || exit 1

only_comments() {
	local others
	others=$(grep -Ev '^(#.*|;[a-zA-Z0-9_-]+ = .*|\[[a-z0-9_-]+\]|)$' "$tmp/sample.ini")
	[ -z "$others" ] || { echo "$others"; return 1; }
}

no_long_lines() {
	! grep -E '^#.{101}' "$tmp/sample.ini"
}

sections() {
	local words so
	words=$(for so in $ours; do
		ecapture modules inspect -o json "$so" | sed -n 's/^  "command": "\(.*\)".*/\1/p'
	done | paste -sd' ')
	[ "$(sed -n 's/^\[\(.*\)\]$/\1/p' "$tmp/sample.ini" | paste -sd' ')" = "global $words ven-dor" ]
}

# Each option that help shows is a key, and no other.
all_options() {
	local help sample
	help=$(ecapture --plugin-dir "$plugins" ven-dor --help | sed -n '/^What to capture:/q
		s/^  .\{4\}--\([a-z0-9-]*\).*/\1/p; s/^  \(\[WORD\.\.\.\]\).*/words/p' | sort)
	sample=$(sed -n '1,/^\[ven-dor\]/d; s/^;\([^ ]*\) = .*/\1/p' "$tmp/sample.ini" |
		grep -vx enabled | sort)
	diff <(echo "$help") <(echo "$sample")
}

# Turns the vendor's module on, and what else the argument of sed says.
edited() {
	sed -e "/^\[ven-dor\]/,\$s/^;enabled = no/enabled = yes/" -e "$1" "$tmp/sample.ini" \
		>"$plugins/edited.ini"
	ecapture config check --plugin-dir "$plugins" "$plugins/edited.ini" >"$tmp/said" 2>&1
}

valid() { # SED_COMMAND
	edited "$1" && [ "$(grep -c ': module ' "$tmp/said")" = 1 ] &&
		grep -q '^ven-dor: module vendor ' "$tmp/said" || { cat "$tmp/said"; return 1; }
}

# All that is wrong with the sample as it is: it starts nothing.
starts_nothing() {
	cp "$tmp/sample.ini" "$plugins/sample.ini"
	! ecapture config check --plugin-dir "$plugins" "$plugins/sample.ini" >"$tmp/said" 2>&1 &&
		[ "$(wc -l <"$tmp/said")" = 1 ] && grep -q 'no module is enabled' "$tmp/said" ||
		{ cat "$tmp/said"; return 1; }
}

values() {
	local line
	valid 's/^;//' || return
	for line in "u32-bound = 16" "bytes-bound = 64K" "time = 10ms" "choice = green" "on = yes" \
		"flag = no" "dir = /" "there = /dev/null" "output = text" "pid = 0"; do
		grep -qF "    $line  (" "$tmp/said" || { echo "no $line in"; cat "$tmp/said"; return 1; }
	done
}

no_secret() {
	! grep -q xyzzy "$tmp/sample.ini"
}

required_is_said() {
	ecapture config sample "$tmp/required.so" | grep -A1 '^# what to look for (required)$' |
		grep -qF ';words = [WORD...]'
}

by_name() {
	diff <(ecapture config sample "$tmp/vendor.so") \
		<(ecapture --plugin-dir "$plugins" config sample acme)
}

refused() {
	local said
	! said=$(ecapture config sample no-such-module 2>&1 >/dev/null) &&
		[[ $said == "error config: no module"* ]]
}

check "nothing but comments and sections" only_comments
check "comments are wrapped" no_long_lines
check "a section for each module" sections
check "no secret" no_secret
check "what is required is said" required_is_said
check "an unknown module is refused" refused
# shellcheck disable=SC2086 # several files
if plugin_dir "$tmp/vendor.so" $ours; then
	check "every option that help shows" all_options
	check "a module by name" by_name
	check "as it is, it starts nothing" starts_nothing
	check "valid with a module enabled" valid ''
	check "valid with every option in force" valid 's/^;//'
	check "the values are those of the comments" values
else
	for name in "every option that help shows" "a module by name" "as it is, it starts nothing" \
		"valid with a module enabled" \
		"valid with every option in force" "the values are those of the comments"; do
		skip "$name" "no directory that nobody else can write"
	done
fi
if [ -e etc/ecapture.ini ]; then
	# shellcheck disable=SC2086 # several files
	check "the one that is installed" cmp etc/ecapture.ini <(ecapture config sample $ours)
else
	skip "the one that is installed" "built for another machine"
fi
finish
