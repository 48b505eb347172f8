#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Schemas say what the option engine does, in TAP: those of the built modules, of a module with
# every type, and of [global]. Needs neither root nor BPF.
set -u
. "${top_srcdir:?run by make check}/tests/derived/lib.bash"

if ! /usr/bin/python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
	echo "1..0 # SKIP no python3-jsonschema 4 or newer"
	exit
fi
make_vendor vendor
make_vendor required -DREQUIRED
tables=()
for so in "$tmp/vendor.so" "$tmp/required.so" $(printf '.libs/%s ' $MODULES); do
	schema=$tmp/$(basename "$so").json
	ecapture modules schema "$so" >"$schema" || exit 1
	tables+=("$so=$schema")
done
if plugin_dir "$tmp/required.so"; then
	ecapture --plugin-dir "$plugins" modules schema >"$tmp/whole.json" || exit 1
	tables+=("$tmp/required.so=$tmp/whole.json:ven-dor")
else
	mkdir "$tmp/none"
	ecapture --plugin-dir "$tmp/none" modules schema >"$tmp/whole.json" || exit 1
fi
tables+=("global=$tmp/whole.json:global")
/usr/bin/python3 "$top_srcdir/tests/derived/schema.py" tests/derived/engine "${tables[@]}"
