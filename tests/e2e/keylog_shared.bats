#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One key log file for several: two modules of one process write each line once, two processes
# each their own, and no line comes into the middle of another.

load lib
load keylog

setup_file() {
	e2e_setup_file
	second_module
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
	run_two
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
