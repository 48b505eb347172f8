#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Old modules on new hosts and new modules on old hosts: tests/abi/directions.py, in TAP. The ABIs are
# those that are released (tests/abi/MAJOR.MINOR), today's, and three later ones that are made here, each
# released before the next is begun, so that the way of a release is the way of the test.
set -eu
src=${top_srcdir:?run by make check} build=${top_builddir:?}
# A directory from which ecapture takes modules: see run-e2e.
if [ "$(id -u)" = 0 ]; then
	modules=$(mktemp -d /var/lib/ecapture-directions.XXXXXX)
else
	modules=$(mktemp -d "$build/tests/abi/modules.XXXXXX")
fi
# Always the same, so that ccache knows it.
work=$build/tests/abi/directions
trap 'rm -rf "$modules" "$work"' EXIT
rm -rf "$work"
chmod 755 "$modules"
mkdir -p "$work/top/tests/abi"
for released in "$src"/tests/abi/[0-9]*.[0-9]*/; do
	[ ! -d "$released" ] || cp -r "$released" "$work/top/tests/abi/"
done
cp -r "$src/sdk" "$work/top/"
chmod -R u+w "$work"
export STRUCT_LINES=$build/tests/abi/struct_lines
minor=$(sed -nE 's/^#define ECAP_ABI_MINOR +([0-9]+)$/\1/p' "$work/top/sdk/ecapture/abi.h")
export FIRST=$((minor + 1))
for n in 1 2 3; do
	# Today's may be released already.
	"$src/tests/abi/write.sh" "$work/top" release >/dev/null 2>&1 || [ -d "$work/top/tests/abi/1.$minor" ]
	minor=$((minor + 1))
	"$src/tests/abi/next_minor.sh" "$work/top/sdk" $minor $n
done
"${PYTHON3:-python3}" "$src/tests/abi/directions.py" "$work/top" "$work" "$modules"
