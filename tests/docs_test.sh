#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the pages in sdk/ say against what the sources say, in TAP.
set -u
export LC_ALL=C.UTF-8
build=${top_builddir:-$PWD/build}
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

# check WHAT COMMAND...: what the command prints is what is wrong.
check() {
	local what=$1 found status
	shift
	n=$((n + 1))
	found=$("$@" 2>&1) && status=0 || status=$?
	if [ -z "$found" ] && [ $status = 0 ]; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		printf '%s (exit code %d)\n' "$found" $status | sed 's/^/# /'
	fi
}

# fails COMMAND...: as one that says by its exit code whether it printed what is wrong.
fails() {
	local found
	found=$("$@" 2>&1)
	echo "$found"
	[ -z "$found" ]
}

# finds TEXT COMMAND...: the command fails and prints TEXT, beginning one of its lines.
finds() {
	local text=$1 found
	shift
	found=$("$@" 2>&1) && { echo "was content"; return; }
	[[ $'\n'$found == *$'\n'"$text"* ]] || printf 'did not say "%s", but:\n%s\n' "$text" "$found"
}

# Errors of loading: those of the loader, and of the SDK's own functions.
sources=$(ls core/secure_path.c core/catalog*.c core/module_*.c core/descriptor*.c core/option*.c \
	core/bounded.c core/commands/child.c core/commands/trial.c core/event_check.c core/host.c \
	core/instance.c core/instance_maps.c core/instance_record.c core/reader_open.c core/reader_perf.c core/rules.c sdk/ecapture/libbpf.h)
page=sdk/load-errors.md

errors() {
	# shellcheck disable=SC2086 # several files
	python3 tests/load_errors.py compare "$1" $sources ${2-}
}

# The page without the entry of one message, or with one more line behind it.
without() {
	awk -v message="$1" '/^- `/ { skip = index($0, message) > 0 } /^$/ { skip = 0 } !skip' $page
}

check "every load error has an entry in $page" errors $page
for message in 'refused: belongs to uid' 'not an ELF file' 'has no operation' 'its place' 'is missing'; do
	without "$message" >"$tmp/page.md"
	check "a page without \"$message\" is found out" finds "not in $tmp/page.md: " errors "$tmp/page.md"
done
sed '0,/^  - Do: /{/^  - Do: /d}' $page >"$tmp/page.md"
check "an entry that does not say what to do is found out" finds 'needs "Why:" and "Do:": ' \
	errors "$tmp/page.md"
{ cat $page; printf -- '- `gone <n>`\n  - Why: It was.\n  - Do: Nothing.\n'; } >"$tmp/page.md"
check "an entry without a message is found out" finds 'in no source: gone <>' errors "$tmp/page.md"
cat >"$tmp/new.c" <<'END'
/* ecap_err(-EIO, "in a comment") */
	return x ? ecap_err(-EIO, /* why */ "a new %-5.*s " /* two */
			    "text: %zu%%" ECAP_MODULE_SYMBOL, f(a, b)[1], n) : 0;
END
check "a new message is found out, over lines, comments and macros" \
	finds "not in $page: a new <> text: <>%ecapture_module_1 ($tmp/new.c)" errors $page "$tmp/new.c"
echo 'return ecap_err_context(err, "part %u", i);' >"$tmp/new.c"
check "words put before a message are found out" finds "not in $page: part <>: <> " errors $page "$tmp/new.c"
echo 'return ecap_err(err, text, 1);' >"$tmp/new.c"
check "a message that is no plain string is found out" finds "$tmp/new.c: the format text " \
	errors $page "$tmp/new.c"

headers=$(find sdk/ecapture -name '*.h' | sort)
comments() {
	python3 tests/sdk_comments.py comments "$@"
}

# shellcheck disable=SC2086 # several files
check "all that the SDK's headers define has a comment, and a thread" comments $headers

# bare LINE...: a header of these lines, after one that says what it is for.
bare() {
	mkdir -p "$tmp/ecapture"
	printf '%s\n' '/* SPDX-License-Identifier: Apache-2.0 */' '/* What it is for. */' \
		'#ifndef BARE_H' '#define BARE_H' '' "$@" '#endif' >"$tmp/ecapture/bare.h"
	comments "$tmp/ecapture/bare.h"
}
in="$tmp/ecapture/bare.h"
check "a bare macro is found out" finds "$in: macro A has no comment" bare '#define A 1'
check "a bare function is found out" finds "$in: function f has no comment" \
	bare 'static inline int f(int a)' '{' '	return a;' '}'
check "a bare struct is found out" finds "$in: struct s has no comment" \
	bare 'struct s {' '	int a; /* a number */' '};'
check "a bare member is found out" finds "$in: s.b has no comment" \
	bare '/* S. */' 'struct s {' '	int a; /* a number */' '	int b;' '};'
check "how a struct grows is not all there is to say" finds "$in: struct s has no comment" \
	bare '/* [grows: struct_size] */' 'struct s {' '	int a; /* a number */' '};'
check "a call without a thread is found out" \
	finds "$in: s.f does not say on which thread it is called" \
	bare '/* S. */' 'struct s {' '	int (*f)(int a); /* returns a */' '};'

# complete HEADER PAGE: all that ctags finds in the header, and maps, which it does not know, are
# in its page.
complete() {
	{
		ctags -x --c-kinds=dfmsv --_xformat='%K %N %s-' "$1"
		sed -n 's/^} \(\w*\) SEC("\.maps");$/map \1 -/p' "$1"
	} | python3 tests/sdk_comments.py complete "$2"
}

python3 sdk/reference.py "$tmp/reference" $headers
if command -v ctags >/dev/null; then
	for header in $headers; do
		page=${header#sdk/ecapture/} page=${page%.h} page=${page%.bpf}
		check "the reference has all of ${header#sdk/}" complete "$header" "$tmp/reference/${page//\//-}.md"
	done
	sed '/uint32_t n_fields/d' "$tmp/reference/event.md" >"$tmp/event.md"
	check "a member that the reference lost is found out" \
		finds "member n_fields (ecap_event) is not in $tmp/event.md" \
		complete sdk/ecapture/event.h "$tmp/event.md"
	sed '/^## ecap_elf()/d' "$tmp/reference/service-elf.md" >"$tmp/elf.md"
	check "a function that the reference lost is found out" \
		finds "function ecap_elf (no struct) is not in $tmp/elf.md" \
		complete sdk/ecapture/service/elf.h "$tmp/elf.md"
	sed '/^## events (map)/d' "$tmp/reference/bpf-emit.md" >"$tmp/emit.md"
	check "a map that the reference lost is found out" \
		finds "map events (no struct) is not in $tmp/emit.md" \
		complete sdk/ecapture/bpf/emit.bpf.h "$tmp/emit.md"
else
	n=$((n + 1))
	echo "ok $n - the reference has all of the headers # SKIP no ctags (universal-ctags)"
fi

# c_of PAGE.md: its blocks of C are whole, and compile.
c_of() {
	awk -v file="$tmp/block" '/^```c$/ { out = file (++n) ".c"; next } /^```$/ { out = "" }
		out { print > out }' "$1"
	for block in "$tmp"/block*.c; do
		[ ! -e "$block" ] || ${CC:-gcc} -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -Isdk \
			-fsyntax-only "$block"
	done
	rm -f "$tmp"/block*.c
}

# links_of PAGE.md...: those that lead to no file, here or among what the build makes.
links_of() {
	local page link
	for page; do
		grep -o ']([^):]*)' "$page" | sed 's/^](//; s/)$//; s/#.*//' | sort -u | while read -r link; do
			[ -z "$link" ] || [ -e "$(dirname "$page")/$link" ] || [ -e "$tmp/$link" ] ||
				echo "$page: no $link"
		done
	done
}

for page in sdk/*.md README.md CONTRIBUTING.md; do
	check "the links of $page lead somewhere" links_of "$page"
done
check "the links of the reference lead somewhere" links_of "$tmp"/reference/*.md
for page in sdk/*.md; do
	check "the C in $page compiles" c_of "$page"
done
printf '```c\nint f(void) { return g(); }\n```\n' >"$tmp/page.md"
check "C that does not compile is found out" finds "$tmp/block1.c: In function" fails c_of "$tmp/page.md"
echo '[x](nowhere.md)' >"$tmp/page.md"
check "a link to nowhere is found out" finds "$tmp/page.md: no nowhere.md" fails links_of "$tmp/page.md"

# What is installed, and the table of it in packaging.md, which has * for names.
in_table() {
	sed -n 's/^| `\(\/[^`]*\)` | .*/\1/p' "$1"
}
installed() {
	local pattern table
	table=$(in_table "$1" | sed 's/[.]/\\./g; s/\*/[^\/]*/g; s/.*/^&$/')
	(cd "$tmp/stage" && find . -type f | cut -c2-) >"$tmp/files"
	grep -v -f <(echo "$table") "$tmp/files" | sed "s|^|not in $1: |"
	while read -r pattern; do
		grep -q -- "$pattern" "$tmp/files" || echo "is not installed: $pattern"
	done <<<"$table"
}
if [ -e "$build/Makefile" ]; then
	mkdir "$tmp/stage"
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$build" install DESTDIR="$tmp/stage" prefix=/usr \
		exec_prefix=/usr libdir=/usr/lib sysconfdir=/etc \
		systemdsystemunitdir=/usr/lib/systemd/system >"$tmp/install.log" 2>&1 ||
		sed 's/^/# /' "$tmp/install.log"
	check "sdk/packaging.md has what is installed" installed sdk/packaging.md
	grep -v 'ecapture.m4' sdk/packaging.md >"$tmp/page.md"
	check "a file that packaging.md forgot is found out" \
		finds "not in $tmp/page.md: /usr/share/aclocal/ecapture.m4" fails installed "$tmp/page.md"
	{ cat sdk/packaging.md; echo '| `/usr/lib/gone.so` | program |'; } >"$tmp/page.md"
	check "a file of packaging.md that is not there is found out" \
		finds "is not installed: ^/usr/lib/gone" fails installed "$tmp/page.md"
else
	n=$((n + 1))
	echo "ok $n - sdk/packaging.md has what is installed # SKIP nothing is built in $build"
fi

released() {
	case $(sed -n 's/^abi //p' sdk/abi/1.0.layout) in
	*' unreleased') grep -q '^\*\*ABI 1.0 is not released yet' sdk/compatibility.md ;;
	*) ! grep 'not released yet' sdk/compatibility.md ;;
	esac || echo "sdk/compatibility.md says something else about the release than sdk/abi/1.0.layout"
}
check "whether the ABI is released is said right" released

# What runs the pages (tutorial_test.sh) sees when they do not tell the truth.
page_of() {
	printf '%s\n' '```console' "$@" '```' '```console' '$ true' '```' >"$tmp/run.md"
	python3 tests/run_page.py "$tmp/run.md" 0 "$tmp"
}

check "a page that shows another output is found out" \
	finds 'not ok 1 - $ echo yes' page_of '$ echo yes' 'no'
check "a page that shows less of the output is found out" \
	finds 'not ok 1 - $ printf yes' page_of '$ printf yes\\nmore\\n' 'yes'
check "a page that leaves out what is not there is found out" \
	finds 'not ok 1 - $ echo yes' page_of '$ echo yes' '...' 'more'
check "a command of a page that fails is found out" finds 'not ok 1 - $ false' page_of '$ false'
check "a capture of a page that ends by itself is found out" \
	finds 'not ok 2 - \# echo stop with ^C' page_of '# echo stop with ^C; false' '...' '^C'

echo "1..$n"
