#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# write.sh TOP [release]: writes TOP/sdk/abi/MAJOR.MINOR.layout from the headers in TOP/sdk, unless
# that ABI is released. With "release", releases it: from then on the file is law, and the headers
# stay in TOP/tests/abi/MAJOR.MINOR for the tests that build against them.
# By make: abi-layout, abi-release.
set -euo pipefail
here=$(dirname "$0")
top=$1 state=unreleased
[ "${2-}" != release ] || state=released

number() { sed -nE "s/^#define ECAP_ABI_$1 +([0-9]+)$/\1/p" "$top/sdk/ecapture/abi.h"; }

abi=$(number MAJOR).$(number MINOR)
file=$top/sdk/abi/$abi.layout
if [ -e "$file" ] && grep -q "^abi $abi released$" "$file"; then
	echo "$file: ABI $abi is released, so its file stays as it is; for what is new, raise ECAP_ABI_MINOR" >&2
	exit 1
fi
lines=$("$here/layout.sh" "$top/sdk")
mkdir -p "$top/sdk/abi"
cat >"$file.tmp" <<END
# SPDX-License-Identifier: Apache-2.0
# What the headers of ABI $abi lay down, on machines of 64 bits. Written by "make abi-layout"; while
# it says "unreleased", that writes it anew. "make abi-release" makes it "released": then no line
# of it may ever change, and tests/abi/layout_test.sh compares each with the headers of the day.
#
#   abi MAJOR.MINOR released|unreleased
#   struct NAME size BYTES grows|fixed|inside [BY]       how it grows: ecapture/abi.h
#   member STRUCT.NAME offset BYTES size BYTES type TYPE
#   constant NAME VALUE                                  of a macro without parameters
#   macro NAME(PARAMETERS)
#
# What may be added in a later minor: structs, constants, macros; members at the end of a struct
# that grows; members in place of reserved ones. A struct that is "fixed" keeps its size, of one that
# is "inside" a module members may move. All that is new stands within #if ECAP_SINCE(MINOR), so
# that -DECAP_ABI_TARGET= shows each released ABI as it was.
abi $abi $state
$lines
END
mv "$file.tmp" "$file"
[ $state = released ] || exit 0
mkdir -p "$top/tests/abi/$abi"
cp -r "$top/sdk/ecapture" "$top/tests/abi/$abi/"
echo "$file is released; its headers are in $top/tests/abi/$abi: add both to git, and the files to tests/abi/abi.mk"
