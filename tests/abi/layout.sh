#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# layout.sh SDK [FLAG...]: prints what the headers below SDK lay down, in the lines of a layout
# file (its head explains them). FLAG: for the compilers, as -DECAP_ABI_TARGET=1. What breaks the rules of
# ecapture/abi.h is printed to standard error, and the status is 1.
# Wants struct_lines, of the build, in $STRUCT_LINES; and CC, CLANG, MULTIARCH.
set -euo pipefail
export LC_ALL=C
sdk=$1
shift
tmp=$(mktemp -d)
touch "$tmp/private"
trap 'rm -rf "$tmp"' EXIT
# mock.h and mock/ are compiled into a module's own tests, and bpf/ into its own programs: nothing of both
# crosses to the host.
mapfile -t headers < <(cd "$sdk" && find ecapture -name '*.h' ! -path '*/bpf/*' ! -path '*/mock*' | sort)

# The structs, each with the mark in the comment before it: "ecap_map grows map_size"; and what is
# private.
(cd "$sdk" && awk -v private="$tmp/private" '
	FNR == 1 { mark = "" }
	match($0, /\[(grows: [a-z_]+|fixed|inside|private)\]/) {
		mark = substr($0, RSTART + 1, RLENGTH - 2); sub(/:/, "", mark)
	}
	/^struct [a-z0-9_]+ \{/ {
		if (mark == "") {
			print "# " FILENAME ":" FNR ": " $2 " does not say how it grows; see ecapture/abi.h" >"/dev/stderr"
			bad = 1
		}
		if (mark != "private")
			print $2, mark
	}
	/^#define / && mark == "private" { sub(/\(.*/, "", $2); print "^" $2 "\\>" >private }
	/^$|^};?$/ { mark = "" }
	END { exit bad }' "${headers[@]}") >"$tmp/structs"

for header in "${headers[@]}"; do
	echo "#include <$header>"
done >"$tmp/headers.h"

# BPF has the layout of all 64-bit machines that we know, and clang writes BTF for it only. Of the
# machine's own headers, some want to know which one it is.
bpf=("${CLANG:-clang}" -target bpf "-D__$(uname -m)__" "$@" -I"$sdk"
	-idirafter "/usr/include/${MULTIARCH-$(${CC:-cc} -print-multiarch)}")

# Without those that the flags hide.
"${bpf[@]}" -E -P "$tmp/headers.h" | sed -nE 's/^struct (\w+) \{.*/\1/p' >"$tmp/shown"
grep -wf "$tmp/shown" "$tmp/structs" >"$tmp/shown_structs"
{
	cat "$tmp/headers.h"
	awk '{ print "struct " $1 " the_" $1 ";" }' "$tmp/shown_structs"
} >"$tmp/structs.c"
"${bpf[@]}" -g -c -o "$tmp/structs.o" "$tmp/structs.c"
"$STRUCT_LINES" "$tmp/structs.o" <"$tmp/shown_structs"

# The macros: those with parameters by name, the others by the value that the compiler finds.
# The three numbers by which a module says what it is built for are no part of what is promised.
${CC:-cc} -E -dM "$@" -I"$sdk" -x c "$tmp/headers.h" | sort |
	sed -nE '/^#define ECAP_(EXPORT|ABI_(MINOR|TARGET|OPTIONAL)) /!s/^#define ((ECAP|ecap)_.*)/\1/p' |
	grep -vf "$tmp/private" >"$tmp/macros"
{
	cat "$tmp/headers.h"
	echo '#include <stdio.h>'
	echo 'static void number(const char *name, unsigned long long n) { printf("constant %s 0x%llx\n", name, n); }'
	echo 'static void string(const char *name, const char *s) { printf("constant %s \"%s\"\n", name, s); }'
	echo 'int main(void) {'
	sed -nE 's/^(ECAP_\w+) .*/_Generic((\1), char *: string, default: number)("\1", (\1));/p' "$tmp/macros"
	echo 'return 0; }'
} >"$tmp/constants.c"
${CC:-cc} -w "$@" -I"$sdk" -o "$tmp/constants" "$tmp/constants.c" -lpthread
"$tmp/constants"
sed -nE 's/^(\w+\([^)]*\)).*/macro \1/p' "$tmp/macros"
