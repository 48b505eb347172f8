#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs check.py on the built program: run.sh [NAME...]. The modules are copied to where only root
# can write, as ecapture takes them from nowhere else. ECAPTURE and builddir come from make.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo "check-builds needs root: it attaches probes" >&2; exit 77; }
ECAPTURE_PLUGIN_DIR=$(mktemp -d /var/lib/ecapture-builds.XXXXXX)
trap 'rm -rf "$ECAPTURE_PLUGIN_DIR"' EXIT
chmod 755 "$ECAPTURE_PLUGIN_DIR"
install -m 755 "${builddir:?run by make check-builds}"/.libs/*.so "$ECAPTURE_PLUGIN_DIR/"
export ECAPTURE ECAPTURE_PLUGIN_DIR PYTHONDONTWRITEBYTECODE=1
python3 "$here/check.py" "$@"
