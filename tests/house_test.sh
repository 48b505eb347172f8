#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The rules of the house that can be checked (CONTRIBUTING.md has them all), in TAP.
set -u
export LC_ALL=C
build=${top_builddir:-$PWD/build}
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 1
multiarch=${MULTIARCH-$(gcc -print-multiarch)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

# check RULE COMMAND...: what the command prints are the offences.
check() {
	local rule=$1 found
	shift
	n=$((n + 1))
	found=$("$@" 2>&1)
	if [ -z "$found" ]; then
		echo "ok $n - $rule"
	else
		echo "not ok $n - $rule"
		sed 's/^/# /' <<<"$found"
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# files NAME...: all files of these names, without what tools leave behind.
files() {
	local name args=()
	for name; do
		args+=(-o -name "$name")
	done
	find core plugins bpf sdk tests etc -type f \( -false "${args[@]}" \) 2>/dev/null | sort
}

libc='assert|byteswap|ctype|dirent|dlfcn|elf|endian|errno|fcntl|fnmatch|glob|inttypes|limits|link'
libc+='|poll|pthread|sched|signal|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn'
libc+='|string|strings|time|unistd|arpa/inet|net/if|netinet/[a-z0-9_]+|sys/[a-z0-9_]+'

plugin_includes() {
	local file line text
	while IFS=: read -r file line text; do
		if [[ $text =~ \<(.*)\> ]]; then
			[[ ${BASH_REMATCH[1]} =~ ^((ecapture|bpf|linux|asm)/[a-z0-9_/.-]+|$libc)\.h$ ]] && continue
		elif [[ $text =~ \"([^/]*)\" ]]; then
			[ -e "${file%/*}/${BASH_REMATCH[1]}" ] || [ -e "bpf/${BASH_REMATCH[1]}" ] && continue
		fi
		echo "$file:$line:$text"
	done < <(grep -rnE '^\s*#\s*include' --include='*.[ch]' plugins)
}

core_names_a_module() {
	local names='openssl|boringssl|gnutls|bash|nspr|mysqld|postgres|gotls' dir
	for dir in plugins/*/; do
		names+="|$(basename "$dir")"
	done
	# A shell that completes what is typed is no module.
	grep -rniE "$names" --include='*.[chS]' --exclude=modules_completion.c core
}

exports() {
	nm -D --defined-only "$1" | awk '$3 != "ecapture_module_1" { print "exports " $3 }
		$3 == "ecapture_module_1" { found = 1 } END { if (!found) print "no ecapture_module_1" }'
	nm -D --undefined-only "$1" | grep -E ' ecap(ture)?_'
}

without_spdx() {
	local file
	for file in configure.ac Makefile.am bootstrap .ci/run $(files '*.[chS]' '*.mk' '*.sh' '*.bash' '*.bats' '*.py'); do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' || echo "$file"
	done
}

bpf_without_licence() {
	grep -L '^char LICENSE\[\] SEC("license") = "Dual BSD/GPL";$' bpf/*.bpf.c
}

too_long() {
	files '*.[chS]' '*.sh' '*.bats' | xargs wc -l | awk '$1 > 600 && $2 != "total" { print $2 ": " $1 " lines" }'
	wc -l configure.ac | awk '$1 >= 250 { print $2 ": " $1 " lines" }'
}

# A reason for a longer one stands in the comment above it: "Long: ...".
long_functions() {
	local file line end name
	files '*.c' '*.h' | ctags -x --c-kinds=f --_xformat='%F %n %{end} %N' -L - |
		while read -r file line end name; do
			[ $((end - line)) -lt 100 ] || head -n "$line" "$file" | tail -n 8 | grep -q 'Long: ' ||
				echo "$file:$line: $name has $((end - line + 1)) lines"
		done
}

# A test that the build does not know never runs.
unlisted_tests() {
	local file
	for file in tests/unit/*_test.c tests/*_test.sh tests/abi/*_test.sh tests/e2e/*.bats; do
		grep -q -w "${file%.c}" Makefile.am etc/*.mk sdk/*.mk tests/abi/*.mk || echo "$file"
	done
}

# What crosses to the host needs nothing; the glue for libbpf, and the mock, are for who has it all.
sdk_includes() {
	grep -rnE '^\s*#\s*include' sdk/ecapture/*.h sdk/ecapture/service |
		grep -vE '^sdk/ecapture/(libbpf|mock)\.h:|<(stddef|stdint)\.h>|<ecapture/'
}

# alone HEADER COMPILER...: the header compiles without any other before it.
alone() {
	local header=$1
	shift
	echo "#include <${header#sdk/}>" >"$tmp/alone.c"
	"$@" -Wall -Wextra -Wundef -Werror -pedantic-errors -Isdk -fsyntax-only "$tmp/alone.c"
}

# alone_in HEADER LANGUAGE STANDARDS COMPILER...: by each of the compilers, in each of its standards.
alone_in() {
	local header=$1 language=$2 standards=$3 compiler standard
	shift 3
	for compiler; do
		for standard in $standards; do
			# shellcheck disable=SC2086 # CC may have flags
			alone "$header" $compiler "-std=$standard" -x "$language"
		done
	done
}

check "plugins include the SDK, libbpf, libc, UAPI and their own headers only" plugin_includes
check "core names no module" core_names_a_module
check "every source says its licence" without_spdx
check "BPF programs are Dual BSD/GPL" bpf_without_licence
check "no shell is run" grep -rnE '\<(popen|system)\(' --include='*.[ch]' core plugins
check "only the log and main write to stderr" \
	grep -rnE 'f(printf|puts|write|putc)\(.*stderr|\<perror\(' --include='*.[ch]' \
	--exclude-dir=bpf core plugins --exclude=log.c --exclude=main.c
check "no file is too long" too_long
check "every test is in Makefile.am" unlisted_tests
if command -v ctags >/dev/null; then
	check "no function is over 100 lines" long_functions
else
	skip "no function is over 100 lines" "no ctags (universal-ctags)"
fi

for module in ${MODULES-}; do
	check "$module exports its descriptor only, imports nothing of ours" exports "$build/.libs/$module"
done

check "SDK headers that cross to the host include stddef.h, stdint.h and each other only" sdk_includes
cxx=()
for compiler in "${CXX:-g++}" clang++; do
	# shellcheck disable=SC2086 # CXX may have flags
	! command -v $compiler >/dev/null || cxx+=("$compiler")
done
headers=$(find sdk/ecapture -name '*.h' ! -name '*.bpf.h' | sort)
for header in $headers; do
	check "$header alone in C11 and C17" alone_in "$header" c "c11 c17" "${CC:-gcc}" "${CLANG:-clang}"
	if [ ${#cxx[@]} -gt 0 ]; then
		check "$header alone in C++17 and C++20" alone_in "$header" c++ "c++17 c++20" "${cxx[@]}"
	else
		skip "$header alone in C++17 and C++20" "no C++ compiler (g++)"
	fi
done
check "sdk/ecapture/record.h alone in BPF" alone sdk/ecapture/record.h ${CLANG:-clang} \
	-target bpf -std=c11 -x c -ffreestanding -idirafter "/usr/include/$multiarch"

# alone_in_bpf HEADER: in each variant of sdk/bpf.mk. A program says how large its headers are.
alone_in_bpf() {
	local header=$1 flags
	echo "#include <${header#sdk/}>" >"$tmp/alone.c"
	for flags in "-DECAP_TASK_STORAGE -DECAP_DYNPTR" -DECAP_TASK_STORAGE "" -DECAP_NONCORE; do
		# shellcheck disable=SC2086 # several flags
		${CLANG:-clang} -target bpf -mcpu=v2 -O2 -g -std=gnu11 -Wall -Wextra -Werror \
			-Wno-unused-function -ffreestanding -D__TARGET_ARCH_x86 $flags \
			-DECAP_HEADER_MAX=64 -Isdk -idirafter "/usr/include/$multiarch" \
			-c -o "$tmp/alone.o" "$tmp/alone.c"
	done
}

while read -r header; do
	check "$header alone in BPF" alone_in_bpf "$header"
done < <(find sdk/ecapture -name '*.bpf.h' | sort)
echo "1..$n"
