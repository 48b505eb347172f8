#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh TOP: what the headers in TOP/sdk break of what TOP/sdk/abi/*.layout promise, a line each;
# nothing when they keep it.
set -euo pipefail
here=$(dirname "$0")
top=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

number() { sed -nE "s/^#define ECAP_ABI_$1 +([0-9]+)$/\1/p" "$top/sdk/ecapture/abi.h"; }

# same FILE LINES WHAT: the file's lines are exactly these.
same() {
	diff <(grep -v '^#\|^abi ' "$1" | sort) <(sort "$2") >"$tmp/diff" && return
	echo "$1: $3:"
	sed -nE 's/^< /  only in the file: /p; s/^> /  only in the headers: /p' "$tmp/diff"
}

"$here/layout.sh" "$top/sdk" >"$tmp/today" 2>"$tmp/errors" || { cat "$tmp/errors"; exit; }
major=$(number MAJOR) minor=$(number MINOR)
current=$top/sdk/abi/$major.$minor.layout
if [ ! -e "$current" ]; then
	echo "$current is not there; write it with make abi-layout"
elif grep -q "^abi $major.$minor released$" "$current"; then
	same "$current" "$tmp/today" "ABI $major.$minor is released; put back what changed, and for what is new \
raise ECAP_ABI_MINOR, guard it by #if ECAP_SINCE($((minor + 1))), run make abi-layout"
else
	same "$current" "$tmp/today" "the headers have changed; run make abi-layout"
fi
for ((old = 0; old < minor; old++)); do
	file=$top/sdk/abi/$major.$old.layout
	if ! grep -q "^abi $major.$old released$" "$file"; then
		echo "$file: not there or not released, but ECAP_ABI_MINOR is $minor"
		continue
	fi
	awk -f "$here/compare.awk" "$file" "$tmp/today"
	"$here/layout.sh" "$top/sdk" "-DECAP_ABI_TARGET=$old" >"$tmp/target"
	same "$file" "$tmp/target" "-DECAP_ABI_TARGET=$old shows something else; guard what is new by #if ECAP_SINCE"
done
for file in "$top/sdk/abi/"*.layout; do
	abi=$(basename "$file" .layout)
	grep -q "^abi $abi released$" "$file" || continue
	if [ -d "$top/tests/abi/$abi" ]; then
		"$here/layout.sh" "$top/tests/abi/$abi" >"$tmp/snapshot"
		same "$file" "$tmp/snapshot" "the headers in tests/abi/$abi are not those of the release"
	else
		echo "$file: released, but tests/abi/$abi with its headers is missing"
	fi
done
