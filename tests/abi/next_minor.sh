#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# next_minor.sh SDK MINOR N: makes the headers below SDK those of a minor that does not exist: each
# struct that may grow gets a member added_N at its end, a table of functions a function; there are a
# new struct, constant and macro. All of it within #if ECAP_SINCE(MINOR), as a real minor has it.
set -euo pipefail
sdk=$1/ecapture minor=$2 n=$3

sed -i -E "s/^(#define ECAP_ABI_MINOR) .*/\1 $minor/" "$sdk/abi.h"
for header in "$sdk"/*.h "$sdk"/service/*.h; do
	awk -v since="#if ECAP_SINCE($minor)" -v n="$n" '
		match($0, /\[(grows: [a-z_]+|fixed|inside|private)\]/) { grows = $0 ~ /\[(grows|inside)/ }
		/^struct [a-z0-9_]+ \{/ { in_struct = 1; functions = 0 }
		in_struct && /\(\*/ { functions = 1 }
		/^};$/ && in_struct {
			if (grows)
				print since "\n\t" (functions ? "int (*added_" n ")(void *who);" : "uint64_t added_" n ";") "\n#endif"
			in_struct = 0
		}
		{ print }' "$header" >"$header.new"
	mv "$header.new" "$header"
	# Two headers want no more than <stdint.h> until then.
	grep -q '^#include <ecapture/' "$header" || [ "$header" = "$sdk/abi.h" ] ||
		sed -i 's,^#include <stdint.h>,#include <ecapture/abi.h>,' "$header"
done
sed -i "\$i #if ECAP_SINCE($minor)\n#define ECAP_ADDED_$n ${n}u\n#define ECAP_ADD_$n(a) (a)\n/* [fixed] */\nstruct ecap_added_$n {\n\tuint64_t number;\n};\n#endif" \
	"$sdk/module.h"
