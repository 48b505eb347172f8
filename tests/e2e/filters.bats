#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --pid, --uid, --cgroup and --comm: the process that is meant is seen, others are not, though
# they talk to each other over the same connections at the same time.

load lib

setup_file() {
	e2e_setup_file talk
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

start_server() {
	start server "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
}

# start_client NAME [COMMAND...]: a client, perhaps by way of a command; it waits for lines.
start_client() {
	start "$1" "${@:2}" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect "$1" '^client pid=' >/dev/null
}

# Sends a line of the client's own and waits for the answer.
exchange() { # NAME
	say "$1" "$(marker "$1")."
	expect "$1" "re:$(marker "$1")" >/dev/null
}

only_from() { # NAME: its exchange is seen on its own side, the other client's nowhere
	local pid
	pid=$(field pid "$(expect "$1" '^client pid=')")
	seen 1 "$(marker "$1")." pid="$pid" direction=send
	seen 1 "re:$(marker "$1")." pid="$pid" direction=recv
	seen 2 "$(marker "$1")"
	seen 2 "$ID"
	same "processes seen" "pid=$pid" "$(events streams | awk '{ print $1 }' | sort -u)"
}

by_pid() {
	local port before
	start_server
	start_client seen
	start_client other
	before=$("$here/programs/probes.py" "${pid_of[other]}") # another tool may have some
	capture tls --pid "${pid_of[seen]}"
	exchange seen
	exchange other
	if [ "$before" = 0 ]; then
		same "probes in the other process" 0 "$("$here/programs/probes.py" "${pid_of[other]}")"
		[ "$("$here/programs/probes.py" "${pid_of[seen]}")" -gt 0 ]
	fi
	stop_capture
	only_from seen
}

@test "--pid: that process, and no probe in others" {
	both_ways by_pid
}

@test "--pid of a process that starts a thread after capture began" {
	local port
	start_server
	capture tls --pid "${pid_of[server]}"
	start_client other
	exchange other
	stop_capture
	seen 1 "$(marker other)." pid="${pid_of[server]}" direction=recv
	seen 1 "re:$(marker other)." pid="${pid_of[server]}" direction=send
	seen 2 "$ID"
}

by_uid() {
	local port
	start_server
	start_client seen setpriv --reuid=65534 --clear-groups
	start_client other setpriv --reuid=65533 --clear-groups
	capture tls --uid 65534
	exchange seen
	exchange other
	stop_capture
	only_from seen
	seen 2 "$ID" uid=65534
}

@test "--uid" {
	both_ways by_uid
}

by_comm() {
	local port
	start_server
	ln -s "$E2E_BIN/talk" "$D/talk-seen"
	ln -s "$E2E_BIN/talk" "$D/talk-seen-not"
	start seen "$D/talk-seen" connect 127.0.0.1 "$port"
	start other "$D/talk-seen-not" connect 127.0.0.1 "$port"
	expect seen '^client pid='
	expect other '^client pid='
	capture tls --comm talk-seen
	exchange seen
	exchange other
	stop_capture
	only_from seen
	seen 2 "$ID" comm=talk-seen
}

@test "--comm: the whole name" {
	both_ways by_comm
}

@test "--comm: a name that is too long is refused" {
	launch tls --comm sixteen-letters-
	refused 2 'sixteen-letters-.*15'
}

cgroup_root() {
	awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}

# Makes the directory, and puts the process into it.
join_cgroup() { # DIRECTORY PID
	if [ ! -d "$1" ]; then
		mkdir "$1"
		cleanups=("wait_until 3 rmdir $1" "${cleanups[@]}") # the inner one goes first
	fi
	echo "$2" >"$1/cgroup.procs"
}

by_cgroup() {
	local port top root
	root=$(cgroup_root)
	[ -n "$root" ] || skip "cgroup v2 is not mounted"
	top=$root/$ID$MODE
	start_server
	start_client seen
	start_client below
	start_client beside
	start_client later
	join_cgroup "$top" "${pid_of[seen]}"
	join_cgroup "$top/child" "${pid_of[seen]}" # an inner one needs its parents first
	echo "${pid_of[seen]}" >"$top/cgroup.procs"
	join_cgroup "$top/child/grandchild" "${pid_of[below]}"
	join_cgroup "$root/$ID-beside$MODE" "${pid_of[beside]}"
	capture tls --cgroup "$top"
	exchange seen
	exchange below
	exchange beside
	say later "$(marker before)."
	expect later "re:$(marker before)"
	echo "${pid_of[later]}" >"$top/cgroup.procs"
	exchange later
	stop_capture
	seen 2 "$(marker seen)" pid="${pid_of[seen]}"
	seen 2 "$(marker below)" pid="${pid_of[below]}"
	seen 2 "$(marker later)" pid="${pid_of[later]}"
	seen 6 "$ID"
}

@test "--cgroup: that one and those below it, also when a process moves there" {
	both_ways by_cgroup
}

@test "--cgroup: a directory that is no cgroup is refused" {
	launch tls --cgroup "$D"
	refused 1 "$D.*cgroup"
}

# Each filter holds for itself: all of them must agree.
@test "--uid and --comm together" {
	local port
	start_server
	ln -s "$E2E_BIN/talk" "$D/talk-named"
	start_client other setpriv --reuid=65534 --clear-groups
	start seen setpriv --reuid=65534 --clear-groups "$D/talk-named" connect 127.0.0.1 "$port"
	start third "$D/talk-named" connect 127.0.0.1 "$port"
	expect seen '^client pid='
	expect third '^client pid='
	capture tls --uid 65534 --comm talk-named
	exchange other
	exchange seen
	exchange third
	stop_capture
	only_from seen
}
