#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One key log file for several: two modules of one process write each line once, two processes
# each their own, and no line comes into the middle of another.

load lib
load keylog

# The openssl module once more, under another name.
build_second() {
	local source=$here/../../plugins/openssl build=${builddir:-$(dirname "$ECAPTURE")}
	sed 's/\.name = "openssl", \.command = "tls", \.aliases = "openssl"/.name = "second", .command = "again"/' \
		"$source/openssl.c" >"$BATS_FILE_TMPDIR/second.c"
	grep -q '\.name = "second"' "$BATS_FILE_TMPDIR/second.c"
	# shellcheck disable=SC2046 # several files
	cc -std=gnu11 -D_GNU_SOURCE -O1 -fPIC -shared -fvisibility=hidden -I"$here/../../sdk" \
		-I"$source" -I"$here/../../bpf" -Wa,-I"$build/bpf" "$BATS_FILE_TMPDIR/second.c" \
		$(find "$source" -name '*.c' ! -name openssl.c) -Wl,-z,defs -lbpf -lpthread \
		-o "$MODULES_DIR/second.so"
}

setup_file() {
	e2e_setup_file
	# Where only root writes: modules, and a configuration.
	MODULES_DIR=$(mktemp -d /var/lib/ecapture-e2e-keys.XXXXXX)
	export MODULES_DIR
	chmod 755 "$MODULES_DIR"
	cp "${ECAPTURE_PLUGIN_DIR:?}/openssl.so" "$MODULES_DIR/"
	build_second
}
teardown_file() {
	[ -z "${MODULES_DIR:-}" ] || rm -r "$MODULES_DIR"
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# Many connections at the same time.
many() {
	local i pids=()
	for i in {1..12}; do
		get &
		pids+=($!)
		get --tls-max 1.2 &
		pids+=($!)
	done
	wait "${pids[@]}"
}

whole_lines() {
	! grep -vE '^[A-Z0-9_]+ [0-9a-f]{64} ([0-9a-f]{64}|[0-9a-f]{96})$' "$D/keys"
}

# The program's own file is written by many processes at once, too.
times_each() { # N
	local counts
	counts=$(grep -F -f "$D/randoms" "$D/keys" | sort | uniq -c | awk '{ print $1 }' | sort -u)
	same "times of each line" "$1" "$counts"
}

@test "two modules of one process, one file by two names" {
	serve
	touch "$D/keys"
	ln -s keys "$D/link"
	cat >"$MODULES_DIR/run.ini" <<-END
		[tls]
		enabled = yes
		model = keylog
		keylogfile = $D/keys

		[again]
		enabled = yes
		model = keylog
		keylogfile = $D/link
	END
	"$ECAPTURE" run --plugin-dir "$MODULES_DIR" --config "$MODULES_DIR/run.ini" >"$D/ecapture.out" \
		2>"$LOG" </dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	wait_until 20 has_line "$LOG" '^info tls: capturing'
	wait_until 20 has_line "$LOG" '^info again: capturing'
	many
	end_process "$ecapture_pid" INT
	same_keys 72
	whole_lines
	times_each 1
	has_line "$LOG" 'info tls: secrets '
	has_line "$LOG" 'info again: secrets told again'
}

@test "two processes: each writes whole lines" {
	local first
	serve
	capture tls -m keylog -k "$D/keys"
	first=$ecapture_pid
	LOG=$D/second.log
	capture tls -m keylog -k "$D/keys"
	many
	stop_capture
	end_process "$first" INT
	own_lines >"$D/expected"
	awk '{ print $2 }' "$D/expected" | sort -u >"$D/randoms"
	whole_lines
	times_each 2
	grep -F -f "$D/randoms" "$D/keys" | sort -u | diff -u "$D/expected" -
}
