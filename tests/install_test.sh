#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `make install` installs is enough to write modules with, in TAP: also `make installcheck`.
# Everything is installed to a directory of its own, and from there on only pkg-config says where
# things are. Capturing needs root and BPF; all else runs as anybody.
set -u
export LC_ALL=C.UTF-8
. "${top_srcdir:?run by make check, or make installcheck}/tests/derived/lib.bash"

# What make distcheck leaves when it fails is read-only.
trap '[ -n "${stage-}" ] && chmod -R u+w "$stage" && rm -rf "$stage"; rm -rf "$tmp"' EXIT

# Modules are loaded from where only root can write, or only who runs this.
parent=$([ "$(id -u)" = 0 ] && echo /var/lib || pwd)
stage=$(mktemp -d "$parent/ecapture-install.XXXXXX") || exit
chmod 755 "$stage"
work=$stage/work
mkdir -m 755 "$work"

# Make as a user calls it: nothing of the make that runs this test.
user_make() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make "$@"
}

installs() {
	user_make -s install DESTDIR="$stage" >"$tmp/install.log" 2>&1 || { tail "$tmp/install.log"; return 1; }
}
check "make install DESTDIR=..." installs

pc=$(find "$stage" -name ecapture-sdk.pc)
export PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_PATH=${pc%/*}
var() {
	pkg-config --variable="$1" ecapture-sdk
}
program=$(find "$stage" -path '*/bin/ecapture' -type f)
moduledir=$(var moduledir)
ecapture() {
	"$program" "$@"
}

# ---- what is installed ----

lists_all_headers() {
	diff <(cd "$top_srcdir/sdk" && find ecapture -name '*.h' | sort) \
		<(cd "$(var includedir)" && find ecapture -name '*.h' | sort)
}
check "every header of the SDK is installed" lists_all_headers

variables() {
	local name
	for name in mk bpfdir templatedir moduledir; do
		[ -e "$(var $name)" ] && [[ $(var $name) == "$stage"/* ]] || { echo "$name: $(var $name)"; return 1; }
	done
	[[ $(var abi) =~ ^1\.[0-9]+$ && $(var moduledir) == */1 ]] || { var abi; var moduledir; return 1; }
	pkg-config --exact-version="$(var abi)" ecapture-sdk
}
check "pkg-config knows where everything is" variables

moves() {
	local there
	there=$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --define-variable=prefix=/else --variable=mk ecapture-sdk)
	[[ $there == /else/*/module.mk ]] || { echo "$there"; return 1; }
}
check "everything moves along with the prefix" moves

no_way_back() {
	! grep -rIlF -e "$top_srcdir" -e "$PWD" "$(var includedir)" "${pc%/*}" "$(dirname "$(var mk)")"
}
check "nothing installed names the tree that it was built from" no_way_back

# ---- the template ----

# Says where make was told to look for files, and what it found: nothing of this source tree.
self_contained() { # DIRECTORY
	! grep -nF -e "$top_srcdir/" "$1/make.log" "$1"/*.d
}

builds() { # DIRECTORY [ARGUMENT...]
	user_make -C "$1" V=1 "${@:2}" >"$1/make.log" 2>&1 || { tail "$1/make.log"; return 1; }
	! grep -i warning "$1/make.log"
}

cp -r "$(var templatedir)" "$work/template"
cd "$work/template" || exit
check "the template builds by pkg-config only" builds .
check "no path of the source tree takes part in it" self_contained .

exports_one() {
	[ "$(nm -D --defined-only "$1" | awk '{ print $3 }')" = ecapture_module_1 ] || nm -D "$1"
	! nm -D --undefined-only "$1" | grep -i ecap
}
check "it exports its descriptor only" exports_one mymodule.so

hardened() {
	readelf -lWd "$1" >"$tmp/elf"
	grep -q GNU_RELRO "$tmp/elf" && grep -q BIND_NOW "$tmp/elf" && grep -q 'GNU_STACK.* RW ' "$tmp/elf" &&
		! grep -E 'RPATH|RUNPATH|TEXTREL' "$tmp/elf"
}
check "it is linked read-only, at once, without an executable stack" hardened mymodule.so

inspected() {
	local said
	said=$(ecapture modules inspect ./mymodule.so -o json) || return
	grep -q '"name": "mymodule"' <<<"$said" && grep -q '"name": "argument"' <<<"$said" &&
		grep -q '"name": "mymodule.storage"' <<<"$said" || { echo "$said"; return 1; }
}
check "modules inspect reads it" inspected
check "modules check has nothing against it" ecapture modules check ./mymodule.so

tested() {
	user_make -s check >check.log 2>&1 || { cat check.log; return 1; }
	grep -q '^mymodule: passed: [1-9][0-9]* checks, 0 failures$' check.log || { cat check.log; return 1; }
}
check "make check passes" tested

# broken SED-SCRIPT PATTERN: with the change to the module, make check fails and says why.
broken() {
	rm -rf "$work/broken"
	cp -r "$(var templatedir)" "$work/broken"
	sed -i "$1" "$work/broken/mymodule.c"
	! cmp -s "$work/broken/mymodule.c" mymodule.c || { echo "nothing to break"; return 1; }
	! user_make -s -C "$work/broken" check >"$tmp/broken.log" 2>&1 &&
		grep -qE "$2" "$tmp/broken.log" || { cat "$tmp/broken.log"; return 1; }
}
check "make check finds a field that is not filled" broken '/fields\[1\].str = string/d' \
	'^mymodule_test\.c:[0-9]+: expected ecap_mock_field_is'
check "make check finds a read past the record" broken 's/ || string\[r->len\])/ + string[len])/; s/<= r->len/< r->len/' \
	'AddressSanitizer|expected ecap_mock_record'
check "make check finds an event that the host would refuse" broken 's/"call"/"a call"/' \
	'wrong in decode: an event that the host refuses: kind is not'
check "make check finds what was not freed" broken '/^static void module_close/,/^}/s/free(m);//' \
	'LeakSanitizer|detected memory leaks'
check "the linker refuses what is not there" broken 's/return ecap_fail(ctx, -ENOMEM.*/return ecap_nothing();/' \
	'ecap_nothing'

replayed() { # MODULE FILE
	local said
	said=$(ecapture modules replay "./$1.so" "$2" 2>"$tmp/replay.log" | cut -d' ' -f3-) || { cat "$tmp/replay.log"; return 1; }
	[[ $said == *' function="getaddrinfo" argument="example.com"'*' argument="www.example.org"' ]] ||
		{ echo "$said"; cat "$tmp/replay.log"; return 1; }
}
check "the sample is replayed" replayed mymodule sample.rec

manual() {
	user_make -s man ECAPTURE="$program" >/dev/null && grep -q 'mymodule' ecapture-mymodule.1
}
check "make man makes its page" manual

installed() {
	user_make -s install DESTDIR="$stage" && [ -f "$moduledir/mymodule.so" ] || return
	find "$stage" -path '*/man1/ecapture-mymodule.1' | grep -q . || { echo "no page"; return 1; }
	ecapture modules list --plugin-dir "$moduledir" >"$tmp/list" || return
	grep -qE "^mymodule .* usable +$moduledir +mymodule.so" "$tmp/list" || { cat "$tmp/list"; return 1; }
}
check "make install puts it where the host finds it" installed

cleaned() {
	user_make -s clean && rm -f make.log check.log &&
		diff <(ls "$(var templatedir)") <(ls) &&
		user_make -s uninstall DESTDIR="$stage" && [ ! -e "$moduledir/mymodule.so" ]
}
check "make clean leaves the sources, make uninstall nothing" cleaned

# ---- modules new ----

cd "$work" || exit
makes_new() {
	local left
	ecapture modules new my-probe --template "$(var templatedir)" || return
	left=$(grep -rl mymodule my-probe)
	[ -z "$left" ] || { echo "still mymodule: $left"; return 1; }
}
check "modules new makes a module" makes_new
new_works() {
	builds my-probe all check && grep -q '^my-probe: passed' my-probe/make.log || return
	cd my-probe && ecapture modules check ./my-probe.so >"$tmp/check" || { cat "$tmp/check"; return 1; }
	replayed my-probe sample.rec
}
check "it builds, passes its test and replays its sample at once" new_works
not_twice() {
	! ecapture modules new my-probe --template "$(var templatedir)" 2>"$tmp/twice" &&
		grep -q 'my-probe: it is there already, and not empty' "$tmp/twice"
}
check "modules new does not touch what is there" not_twice

# ---- our own modules ----

# outside NAME VARIANT...: plugins/NAME built by module.mk is what the build makes of it.
outside() {
	local name=$1 variants=${*:2}
	mkdir "$work/$name"
	cp "$top_srcdir/plugins/$name"/*.[ch] "$top_srcdir/bpf/$name"[._]*[ch] "$work/$name"
	cat >"$work/$name/Makefile" <<-END
	MODULE = $name
	SRCS = \$(filter-out %.bpf.c,\$(wildcard *.c))
	BPF = $name.bpf.c
	BPF_VARIANTS = $variants
	CPPFLAGS = -D_GNU_SOURCE
	include \$(shell pkg-config --print-errors --variable=mk ecapture-sdk)
	END
	builds "$work/$name" && self_contained "$work/$name" || return
	descriptor "$top_builddir/.libs/$name.so" >"$tmp/ours"
	descriptor "$work/$name/$name.so" >"$tmp/theirs"
	grep -c sha256 "$tmp/ours" | grep -qx $(($# - 1)) || { echo "not $(($# - 1)) objects"; return 1; }
	diff "$tmp/ours" "$tmp/theirs"
}
# But for where in the file an object lies, which goes with the order of the files that are linked.
descriptor() {
	ecapture modules inspect "$1" -o json | grep -v -e '^  "file": ' -e '^      "offset": '
}
check "bash, built outside: the same descriptor and BPF objects" outside bash storage noncore
check "openssl, built outside: the same descriptor and BPF objects" \
	outside openssl dynptr storage core noncore

# ---- autotools ----

autotools() {
	mkdir auto && cp "$(var templatedir)"/*.[ch] auto && cd auto || return
	cp "$top_srcdir"/tests/install/{configure.ac,Makefile.am} . || return
	{
		ACLOCAL_PATH=$(dirname "$(find "$stage" -name ecapture.m4)") autoreconf -fi &&
			mkdir build && cd build && ../configure && user_make &&
			user_make distcheck
	} >"$tmp/auto.log" 2>&1 || { tail "$tmp/auto.log"; return 1; }
	grep -qE "/_inst/lib[^ ]*/ecapture/mymodule.so" "$tmp/auto.log" ||
		{ echo "not installed below its prefix"; return 1; }
	exports_one .libs/mymodule.so || return
	descriptor .libs/mymodule.so >"$tmp/ours"
	user_make -s -C "$work/template" >/dev/null
	diff "$tmp/ours" <(descriptor "$work/template/mymodule.so")
}
check_with autoreconf "ECAPTURE_MODULE for autoconf: the same descriptor and BPF objects" autotools

# ---- what is missing ----

says() { # PATTERN MAKE-ARGUMENT...
	user_make -s -C "$work/template" clean
	! user_make -C "$work/template" "${@:2}" >"$tmp/says" 2>&1 && grep -q "$1" "$tmp/says" ||
		{ cat "$tmp/says"; return 1; }
}
check "without clang, make says so" says 'no-clang is not installed: .*apt-get install clang' CLANG=no-clang
check "without bpftool, make says so" says 'no-bpftool is not installed: .*apt-get install bpftool' \
	BPFTOOL=no-bpftool
check "without libbpf, make says so" says 'libbpf is not installed.*libbpf-dev' \
	PKG_CONFIG="env PKG_CONFIG_LIBDIR=${pc%/*} pkg-config"
without_sdk() {
	PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR=/var/empty says 'ecapture-sdk.* not found'
}
check "without the SDK, make says so" without_sdk

# ---- capturing ----

why_not() {
	[ "$(id -u)" = 0 ] || { echo "not root"; return; }
	"$BPFTOOL" prog list >/dev/null 2>&1 || { echo "bpf(2) is not allowed here"; return; }
	[ -e /sys/bus/event_source/devices/uprobe/type ] || echo "the kernel has no uprobes"
}

wait_for() { # PATTERN FILE
	local i
	for ((i = 0; i < 1000; i++)); do
		grep -q "$1" "$2" 2>/dev/null && return
		sleep 0.02
	done
	echo "no $1 in $2:"
	cat "$2"
	return 1
}

# A call with an argument that nobody else passes, by a module that was just made; and again, from
# the recording. The other tests of probes do not run meanwhile.
captures() { # --btf N: with the object for it
	local marker status=0 pid
	marker=install-$(tr -d - </proc/sys/kernel/random/uuid).invalid
	exec 9>"$top_builddir/tests/e2e.lock"
	flock 9
	user_make -s -C my-probe install DESTDIR="$stage" >/dev/null || return
	"$program" my-probe "$@" --plugin-dir "$moduledir" --comm getent --record "$work/own.rec" \
		>"$tmp/events" 2>"$tmp/log" 9>&- &
	pid=$!
	wait_for 'capturing' "$tmp/log" && getent ahosts "$marker" >/dev/null
	wait_for "$marker" "$tmp/events" || status=1
	kill -INT $pid
	wait $pid || status=$?
	[ $status = 0 ] || { cat "$tmp/log"; return 1; }
	grep "call uid=0 function=\"getaddrinfo\" argument=\"$marker\"$" "$tmp/events" >"$tmp/captured" &&
		[ "$(wc -l <"$tmp/captured")" = 1 ] || { cat "$tmp/events"; return 1; }
	ecapture modules replay my-probe "$work/own.rec" --plugin-dir "$moduledir" 2>"$tmp/log" |
		grep "$marker" | diff "$tmp/captured" -
}
reason=$(why_not)
for kind in 1 2; do
	what="with --btf $kind the new module captures a call, and its recording is replayed"
	if [ -z "$reason" ]; then
		check "$what" captures --btf $kind
	else
		cases=$((cases + 1))
		echo "ok $cases - $what # SKIP $reason"
	fi
done
finish
