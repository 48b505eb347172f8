#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The lock on the ABI: the headers keep what sdk/abi/*.layout promise, and whoever breaks it is
# told so. For the latter, copies of the headers whose ABI is released are changed. TAP.
set -u
export LC_ALL=C
top=${top_srcdir:?run by make check}
here=$top/tests/abi
export STRUCT_LINES=${top_builddir:?}/tests/abi/struct_lines
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

# result TEXT FOUND [WANTED]: what is found must be nothing, or match WANTED.
result() {
	n=$((n + 1))
	if if [ -n "${3-}" ]; then grep -qE -e "$3" <<<"$2"; else [ -z "$2" ]; fi; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		echo "# wanted: ${3:-nothing}; found:"
		sed 's/^/# /' <<<"$2"
	fi
}

# copy NAME: a tree of its own, with ABI MAJOR.0 released as today's headers are.
copy() {
	rm -rf "${tmp:?}/$1"
	cp -r "$tmp/released" "$tmp/$1"
}

h=sdk/ecapture

# changed TEXT FILE SED WANTED: the headers with that change break the promise and the message says
# WANTED; or keep it, when that is empty.
changed() {
	copy tree
	sed -i -E "$3" "$tmp/tree/$2"
	if cmp -s "$tmp/tree/$2" "$tmp/released/$2"; then
		result "$1" "the change changes nothing" "^$"
	else
		result "$1" "$("$here/check.sh" "$tmp/tree" 2>&1)" "${4-}"
	fi
}

result "the headers keep what sdk/abi/ promises" "$("$here/check.sh" "$top" 2>&1)"

mkdir -p "$tmp/released/tests/abi"
cp -r "$top/sdk" "$tmp/released/"
chmod -R u+w "$tmp/released"
rm -f "$tmp/released/sdk/abi/"*
sed -i -E 's/^(#define ECAP_ABI_MINOR) .*/\1 0/' "$tmp/released/$h/abi.h"
result "a release is written" "$("$here/write.sh" "$tmp/released" release 2>&1)" 'is released; its headers are in'
result "what is released is kept" "$("$here/check.sh" "$tmp/released" 2>&1)"
result "what is released is not written again" "$("$here/write.sh" "$tmp/released" 2>&1)" \
	'ABI 1.0 is released, so its file stays as it is'

# Without a new minor nothing may change at all.
changed "a member appended without a new minor" $h/option.h \
	's/^(\tchar reserved\[3\];)$/\1\n\tuint64_t more;/' 'member ecap_option.more offset 96'

# From here on the headers are those of the next minor. Each breach is told with the line that it breaks.
"$here/next_minor.sh" "$tmp/released/sdk" 1 1
result "members, constants, macros and structs are added" "$("$here/check.sh" "$tmp/released" 2>&1)" \
	'1.1.layout is not there; write it with make abi-layout$'
result "the new minor is written" "$("$here/write.sh" "$tmp/released" 2>&1)"
result "all of it passes" "$("$here/check.sh" "$tmp/released" 2>&1)"

changed "a member inserted" $h/module.h 's/^(\tint32_t control_fd;.*)$/\tuint32_t more, less;\n\1/' \
	'member ecap_map.control_fd: was offset 12 .*, is offset 20 .* now; put it back'
changed "a member removed" $h/host.h '/\(\*stop_fd\)/d' 'member ecap_host.stop_fd: is gone; put it back'
changed "an option's member removed" $h/option.h '/const char \*doc;/d' 'member ecap_option.doc: is gone'
changed "a member renamed" $h/option.h 's/\*metavar;/*argument;/' 'member ecap_option.metavar: is gone'
changed "a member resized" $h/event.h 's/^\tuint64_t mono_ns;/\tuint32_t mono_ns, more;/' \
	'member ecap_event.mono_ns: was offset 40 size 8 type uint64_t, is offset 40 size 4'
changed "two members swapped" $h/service/targets.h 's/uint64_t dev, ino;/uint64_t ino, dev;/' \
	'member ecap_target.dev: was offset 32'
changed "a sign changed" $h/event.h 's/int32_t fd;/uint32_t fd;/' 'ecap_event.fd: was .* type int32_t, is .* uint32_t'
changed "an operation with one more parameter" $h/module.h 's/\(\*start\)\(void \*state\)/(*start)(void *state, uint32_t n)/' \
	'ecap_ops.start: was .* type int \(\*\)\(void \*\), is .* type int \(\*\)\(void \*, uint32_t\)'
changed "a callback with another parameter" $h/service/elf.h 's/uint64_t insn, uint64_t target\)/uint64_t insn, uint32_t target)/' \
	'ecap_elf.refs: was'
changed "an array that is longer" $h/host.h 's/char comm\[16\];/char comm[32];/' 'ecap_common.comm: was .* char\[16\]'
changed "a fixed struct that is longer" $h/event.h 's/^(\tuint8_t laddr\[16\], raddr\[16\];)/\1\n\tuint64_t more;/' \
	'struct ecap_tuple: had 40 bytes, has 48 now; it is part of other structs and cannot grow'
changed "a stride that is gone" $h/module.h 's/uint32_t map_size, field_size;/uint32_t reserved5[2];/' \
	'ecap_map: \[grows: map_size\], but the descriptor has no such member'
changed "another way to grow" $h/event.h 's/\[fixed\] A connection/[inside] A connection/' \
	'struct ecap_tuple: was \[fixed \], is \[inside \] now|cannot be part of another'
changed "a constant changed" $h/option.h 's/(ECAP_OPT_IFNAME +)9u/\112u/' 'constant ECAP_OPT_IFNAME: was 0x9, is 0xc now'
changed "a flag changed" $h/host.h 's/(ECAP_FEAT_TASK_REGS .*)<< 10/\1<< 13/' 'constant ECAP_FEAT_TASK_REGS: was 0x400'
changed "a text changed" $h/service/elf.h 's,"ecap.elf/1","ecap.elf/2",' 'constant ECAP_ELF_SERVICE: was "ecap.elf/1"'
changed "a constant removed" $h/record.h '/ECAP_SEND_PERF/d' 'constant ECAP_SEND_PERF: is gone|ECAP_SEND_PERF'
changed "a macro with another parameter" $h/abi.h 's/ECAP_ROOM\(type, p, member\)/ECAP_ROOM(type, p, member, ...)/' \
	'macro ECAP_ROOM\(type,p,member\): is gone'
changed "a reserved member used up, and more" $h/record.h 's/^(\tuint64_t reserved\[)3\];/\12];\n\tuint64_t more[2];/' \
	'member ecap_map_stats.reserved: a member that begins or ends inside its bytes 40 to 63'
changed "members shown to a module that targets an older host" $h/event.h 's/^#if ECAP_SINCE\(1\)$/#if 1/' \
	'-DECAP_ABI_TARGET=0 shows something else'
changed "a release changed" sdk/abi/1.0.layout '/^member ecap_ops.lost /d' \
	'1.0.layout: the headers in tests/abi/1.0 are not those of the release'
changed "a struct that does not say how it grows" $h/filter.h 's/\[inside\]//' 'ecap_filter does not say how it grows'
changed "a hole" $h/event.h 's/^(\tuint64_t added_1;)/\tuint32_t added_0;\n\1/' 'ecap_event.added_1: a hole before it'
changed "a type without a fixed width" $h/event.h 's/^\tuint64_t (added_1;)/\tlong \1/' 'type long has no fixed width'
changed "a bit-field" $h/event.h 's/^(\tuint64_t added_1):?;/\1 : 64, more : 64;/' 'is a bit-field|more'
changed "a struct that grows within another" $h/service/elf.h \
	'/^struct ecap_elf_call/,/^}/ s/^\tuint64_t (added_1;)/\tstruct ecap_elf_info \1/' \
	'struct ecap_elf_info can grow, so it cannot be part of another'

# What is allowed beside members at the end. The new minor's file is written anew first.
allowed() {
	copy tree
	sed -i -E "$3" "$tmp/tree/$2"
	"$here/write.sh" "$tmp/tree" >"$tmp/written" 2>&1
	if cmp -s "$tmp/tree/$2" "$tmp/released/$2"; then
		result "$1" "the change changes nothing" "^$"
	else
		result "$1" "$(cat "$tmp/written"; "$here/check.sh" "$tmp/tree" 2>&1)"
	fi
}
allowed "members in place of reserved ones" $h/record.h \
	's/^\tuint64_t reserved\[3\];/#if ECAP_SINCE(1)\n\tuint64_t more;\n\tuint32_t a, b;\n\tuint64_t reserved;\n#else\n&\n#endif/'
allowed "members that stay inside a module moved" $h/filter.h \
	's/^\tuint64_t cgroup_id;/#if !ECAP_SINCE(1)\n&\n#endif/; s/^(\tchar comm\[16\];)/\1\n#if ECAP_SINCE(1)\n\tuint64_t cgroup_id;\n#endif/'

# And so on: 1.1 is released, 1.2 adds to it, and both hold.
"$here/write.sh" "$tmp/released" release >/dev/null 2>&1
"$here/next_minor.sh" "$tmp/released/sdk" 2 2
"$here/write.sh" "$tmp/released"
result "a third minor keeps the two before it" "$("$here/check.sh" "$tmp/released" 2>&1)"
changed "what the second added is changed" $h/module.h 's/(ECAP_ADDED_1) 1u/\1 7u/' '1.1.layout:[0-9]+: constant ECAP_ADDED_1: was 0x1, is 0x7 now'
changed "what the second added is shown to the first" $h/abi.h 's/^(#define ECAP_SINCE\(minor\)).*/\1 1/' \
	'-DECAP_ABI_TARGET=0 shows something else'
echo "1..$n"
