#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs what the pages of the SDK tell their readers to type, as they stand, in TAP. The build is
# installed to a staging directory, which is laid over the file system in a mount namespace of our
# own: so that everything is where it will be, and nothing is left behind.
# The user of the pages owns one directory and nothing else.
set -eu
src=${top_srcdir:?run by make check} build=${top_builddir:?}
page=${PAGE:-$src/sdk/README.md}
uid=${PAGE_UID:-54321}

skip() {
	echo "1..0 # SKIP $1"
	exit
}

# The deepest directories of the stage that are there anyway: what is laid over them is least.
places() {
	local dir=$1 inside
	inside=$(ls "$stage$dir")
	if [ "$(wc -l <<<"$inside")" = 1 ] && [ -d "$dir/$inside" ]; then
		places "${dir%/}/$inside"
	elif [ -n "$dir" ]; then
		echo "$dir"
	else
		for inside in $inside; do
			places "/$inside"
		done
	fi
}

# The library that the page probes stays the file that other processes have mapped: seen through
# an overlay as well as beside it, it would count as two, and each call be shown twice.
lay() {
	local dir n=0 libc
	libc=$(realpath "$(ldd "$(command -v getent)" | awk '/libc\.so/ { print $3 }')")
	touch "$layers/libc"
	mount --bind "$libc" "$layers/libc"
	for dir in $(places ""); do
		n=$((n + 1))
		mkdir "$layers/up$n" "$layers/work$n"
		mount -t overlay overlay -o "lowerdir=$stage$dir:$dir,upperdir=$layers/up$n,workdir=$layers/work$n" "$dir"
		# the first of the lower layers says whose the directory is; what is above it is new
		chmod 755 "$dir"
	done
	mount --bind "$layers/libc" "$libc"
}

if [ "${1-}" = inside ]; then
	stage=$2 layers=$3
	mount -t tmpfs -o mode=755 tmpfs "$layers"
	lay
	setpriv --reuid="$uid" --regid="$uid" --clear-groups test -x "$bindir/ecapture" ||
		skip "users cannot get at $bindir"
	mkdir "$layers/home"
	chown "$uid:$uid" "$layers/home"
	exec env -i ${SHOW+SHOW=1} PATH="$bindir:$PATH" PKG_CONFIG_PATH="$libdir/pkgconfig" HOME="$layers/home" \
		LC_ALL=C.UTF-8 "${PYTHON3:-python3}" "$src/tests/run_page.py" "$page" "$uid" "$layers/home"
fi

[ "$(id -u)" = 0 ] || skip "not root"
"$BPFTOOL" prog list >/dev/null 2>&1 || skip "bpf(2) is not allowed here"
tmp=$(mktemp -d /var/lib/ecapture-docs.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
mkdir "$tmp/stage" "$tmp/layers"
unshare -m true 2>/dev/null || skip "no mount namespaces"
umask 022
env -u MAKEFLAGS -u MAKELEVEL make -s -C "$build" install DESTDIR="$tmp/stage" >"$tmp/install.log" 2>&1 ||
	{ sed 's/^/# /' "$tmp/install.log"; echo "Bail out! make install failed"; exit 1; }
unshare -m --propagation private "$0" inside "$tmp/stage" "$tmp/layers"
