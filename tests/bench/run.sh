#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures what capturing costs and prints one table; README.md says how each figure is made.
#   ROUNDS=N      rounds, 3 unless told
#   QUICK=1       one round of a quarter of the length
#   FIGURES="a c" only these groups
# ECAPTURE, ECAPTURE_PLUGIN_DIR, srcdir and builddir come from make.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath -m "${builddir:-.}")/bench.d
ECAPTURE=${ECAPTURE:-${builddir:-.}/ecapture}
[ "$(id -u)" = 0 ] || { echo "the bench needs root: it attaches probes" >&2; exit 1; }
mkdir -p "$build"

flags="-std=gnu11 -O2 -g -Wall -Wextra"
# Prints why a part is missing and goes on: its rows say so.
build_one() {
	"$@" || echo "bench: not built: ${*: -1}" >&2
}

build_target() {
	${CC:-cc} -shared -nostdlib -D"$1" "$here/target.S" -o "$build/$2"
}

build_one build_target SHAPE_DEBIAN libssl-bench-debian.so
build_one build_target SHAPE_NODE libssl-bench-node.so
build_one ${CC:-cc} $flags "$here/call.c" -ldl -o "$build/call"
build_one ${CC:-cc} $flags "$here/stream.c" -lssl -lcrypto -o "$build/stream"
build_one ${CC:-cc} $flags "$here/flood.c" -o "$build/flood"
build_one ${CC:-cc} $flags "$here/empty.c" -lbpf -o "$build/empty"
build_one ${CLANG:-clang} -O2 -g -target bpf -idirafter "/usr/include/$(uname -m)-linux-gnu" \
	-c "$here/empty.bpf.c" -o "$build/empty.bpf.o"

# A directory of root's own: ecapture refuses modules that somebody else could change.
BENCH_WORK=$(mktemp -d /var/lib/ecapture-bench.XXXXXX)
trap 'rm -rf "$BENCH_WORK"' EXIT
if [ -z "${ECAPTURE_PLUGIN_DIR:-}" ] && [ -d "${builddir:-.}/.libs" ]; then
	ECAPTURE_PLUGIN_DIR=$BENCH_WORK/plugins
	install -d -m 755 "$ECAPTURE_PLUGIN_DIR"
	install -m 755 "${builddir:-.}"/.libs/*.so "$ECAPTURE_PLUGIN_DIR/"
fi
chmod 755 "$BENCH_WORK"
export ECAPTURE ECAPTURE_PLUGIN_DIR BENCH_WORK BENCH_BUILD=$build PYTHONDONTWRITEBYTECODE=1
python3 "$here/bench.py"
