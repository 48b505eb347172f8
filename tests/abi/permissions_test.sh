#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whose files ecapture takes code and configuration from: tests/abi/permissions.py, in TAP.
set -eu
why_not() {
	[ "$(id -u)" = 0 ] || { echo "only root can give files to other users"; return; }
	[ "$(stat -c '%u %a' /var/lib)" = "0 755" ] || echo "/var/lib is not root's alone"
}

reason=$(why_not)
if [ -n "$reason" ]; then
	echo "1..1"
	echo "ok 1 - permissions # SKIP $reason"
	exit
fi
tmp=$(mktemp -d /var/lib/ecapture-permissions.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
"${PYTHON3:-python3}" "${top_srcdir:?run by make check}/tests/abi/permissions.py" "$tmp"
