#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Man pages as man(1), groff and mandoc see them, in TAP: those of the built modules, and of one
# whose texts are out to be read as something else. Needs neither root nor BPF.
set -u
export LC_ALL=C.UTF-8
. "${top_srcdir:?run by make check}/tests/derived/lib.bash"

make_vendor vendor
mkdir "$tmp/pages"
for so in $MODULES; do
	ecapture modules man --directory "$tmp/pages" ".libs/$so"
done
ecapture modules man --directory "$tmp/pages"
ecapture modules man --directory "$tmp/pages" "$tmp/vendor.so"

page_of_each() { # a module's page has its name, and the options that help shows
	local so page words
	for so in $MODULES; do
		ecapture modules man ".libs/$so" | cmp - "$tmp/pages/$(page_name ".libs/$so")" || return
	done
	[ "$(find "$tmp/pages" -name 'ecapture-*.1' | wc -l)" = $(($(wc -w <<<"$MODULES") + 1)) ]
}

page_name() {
	ecapture modules man "$1" | sed -n '/^\.SH NAME/ { n; s/\\-/-/g; s/ .*/.1/p }'
}

same_day_same_page() {
	local one two
	one=$(SOURCE_DATE_EPOCH=86400 ecapture modules man) &&
		two=$(SOURCE_DATE_EPOCH=172799 ecapture modules man) &&
		[ "$one" = "$two" ] && grep -q '^\.TH "ECAPTURE" 1 1970-01-02 ' <<<"$one"
}

# clean PROGRAM ARGUMENT... PAGE: it renders the page and says nothing about it.
clean() {
	local said
	said=$("$@" 2>&1 >/dev/null) && [ -z "$said" ] || { echo "${said:-status $?}"; return 1; }
}

lint() {
	local said
	said=$(mandoc -T lint "$1") && [ -z "$said" ] || { echo "$said"; return 1; }
}

# What looks like a request, or an escape, or a section of a file, is on the page as it stands.
shows() {
	local text
	text=$(mandoc -T ascii -O width=400 "$1" | sed 's/.\x08//g') || return
	grep -q "^ *\.so /etc/passwd 'br \\\\fB\\\\n(.H \"\$(touch pwned)\" \`id\` ;x #" <<<"$text" &&
		grep -q '^ *--nasty "\[;#\\$' <<<"$text" &&
		grep -q '(4K to 3M, default 64K)$' <<<"$text" &&
		! grep -q 'xyzzy' <<<"$text" && ! grep -q -e '--hidden' <<<"$text" &&
		! grep -q '^root:' <<<"$text"
}

refused() {
	local said
	! said=$(ecapture modules man "$1" 2>&1) && grep -q "^error modules: .*$2" <<<"$said"
}

check "each module has a page of its name" page_of_each
check "SOURCE_DATE_EPOCH dates the page" same_day_same_page
for page in "$tmp"/pages/*.1; do
	name=$(basename "$page")
	check_with groff "$name: no warning of groff" clean groff -man -ww -Tutf8 "$page"
	check_with man "$name: no warning of man" clean man --warnings -l "$page"
	check_with mandoc "$name: no complaint of mandoc" lint "$page"
done
check_with mandoc "texts of a vendor stay texts" shows "$tmp/pages/ecapture-ven-dor.1"
check "a file that is no module is refused" refused "$0" 'man_test.sh'
check "an unknown module is refused" refused no-such-thing 'no module "no-such-thing"'
finish
