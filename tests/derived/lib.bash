# SPDX-License-Identifier: Apache-2.0
# What the tests of man pages, schemas, completions and the sample configuration share: TAP, a
# directory of their own, and modules as a vendor may write them.

cd "${top_builddir:?run by make check}" || exit 1
tmp=$(mktemp -d)
plugins=
trap 'rm -rf "$tmp" "$plugins"' EXIT
cases=0

# check NAME COMMAND...: passes when the command does; what it prints says why not.
check() {
	local name=$1 said
	shift
	cases=$((cases + 1))
	if said=$("$@" 2>&1); then
		echo "ok $cases - $name"
	else
		echo "not ok $cases - $name"
		sed 's/^/# /' <<<"$said"
	fi
}

# check_with PROGRAM NAME COMMAND...: skipped where the program is not installed.
check_with() {
	local program=$1
	shift
	if command -v "$program" >/dev/null; then
		check "$@"
	else
		skip "$1" "$program is not installed"
	fi
}

skip() { # NAME REASON
	cases=$((cases + 1))
	echo "ok $cases - $1 # SKIP $2"
}

finish() {
	echo "1..$cases"
}

ecapture() {
	./ecapture "$@"
}

# make_vendor NAME [FLAG...]: $tmp/NAME.so from vendor.c.
make_vendor() {
	local name=$1
	shift
	${CC:-cc} -std=gnu11 -shared -fPIC -fvisibility=hidden "-I$top_srcdir/sdk" \
		'-DOBJECT="tests/unit/ring.noncore.o"' -Wa,-I. "$@" \
		-o "$tmp/$name.so" "$top_srcdir/tests/derived/vendor.c" || exit 1
}

# plugin_dir FILE...: $plugins is a directory with these modules, where nobody else could write,
# so that the program believes them. Fails where there is no such place.
plugin_dir() {
	local parent
	for parent in /var/lib "$PWD" "$HOME"; do
		plugins=$(mktemp -d "$parent/ecapture-test.XXXXXX" 2>/dev/null) || continue
		chmod 755 "$plugins"
		install -m 755 "$@" "$plugins/"
		ecapture --plugin-dir "$plugins" modules list | grep -q ' usable ' && return
		rm -r "$plugins"
	done
	plugins=
	return 1
}
