#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The systemd unit: that systemd takes it, that its capabilities suffice for processes of other
# users and in containers, that each of them is needed, and that nothing of its hardening is in
# the way.

load lib

setup_file() {
	e2e_setup_file talk
}
setup() {
	e2e_setup
	UNIT=$here/../../etc/ecapture.service.in
	C=$(mktemp -d /var/lib/ecapture-e2e-unit.XXXXXX)
	chmod 755 "$C"
	cleanups+=("rm -r '$C'")
	TLS=$D/tls.json SHELLS=$D/bash.json
}
teardown() { e2e_teardown; }

capabilities() {
	sed -n 's/^CapabilityBoundingSet=//p' "$UNIT" | paste -sd ' '
}

# unit PROGRAM DIRECTORY: the unit with these in the place of what make install fills in.
unit() {
	sed -e "s|@bindir@/ecapture|$1|" -e "s|@configdir@|$2|" "$UNIT"
}

@test "systemd takes the unit" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	install -m 755 "$ECAPTURE" "$C/ecapture"
	unit "$C/ecapture" "$C" >"$C/ecapture.service"
	! grep -n '@' "$C/ecapture.service"
	systemd-analyze verify --man=no "$C/ecapture.service" >"$D/verify" 2>&1 || {
		cat "$D/verify"
		return 1
	}
	# Others than the unit itself may be complained about.
	! grep ecapture "$D/verify"
}

# ---- targets, each of which takes a capability to be seen ----

library() {
	ldd "$E2E_BIN/talk" | awk -v name="$1" '$1 == name { print $3 }'
}

copy_libssl() { # DIRECTORY
	mkdir "$1"
	cp -L "$(library libssl.so.3)" "$(library libcrypto.so.3)" "$1/"
}

talk_with() { # NAME [COMMAND...]: a client with the libssl of the directory $D/NAME
	start "$1" "${@:2}" env LD_LIBRARY_PATH="$D/$1" "$E2E_BIN/talk" connect 127.0.0.1 "$port"
	expect "$1" '^client pid=' >/dev/null
	grep -q "$D/$1/libssl" "/proc/${pid_of[$1]}/maps"
}

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

start_targets() {
	start server "$E2E_BIN/talk" serve 127.0.0.1
	port=$(field listening "$(expect server listening | tr ' ' =)")
	copy_libssl "$D/foreign"
	talk_with foreign "${nobody[@]}"
	copy_libssl "$D/secret"
	chown -R 65534 "$D/secret"
	chmod 700 "$D/secret"
	chmod 600 "$D/secret/"*
	talk_with secret "${nobody[@]}"
	copy_libssl "$D/deleted"
	talk_with deleted
	rm -r "$D/deleted"
	cat >"$D/contain" <<-END
		mkdir "$D/contained" && mount -t tmpfs tmpfs "$D/contained" &&
		cp -L "$(library libssl.so.3)" "$(library libcrypto.so.3)" "$D/contained/" && exec "\$@"
	END
	talk_with contained unshare --mount --propagation private sh "$D/contain"
	[ ! -e "$D/contained/libssl.so.3" ]
	shell sh "${nobody[@]}"
	start https /usr/bin/python3 "$here/programs/https.py" serve
	https=$(field listening "$(expect https listening | tr ' ' =)")
}

# What each target says while ecapture runs.
use_targets() {
	local name
	for name in foreign secret deleted contained; do
		say "$name" "$(marker "$name")."
		expect "$name" "re:$(marker "$name")" >/dev/null
	done
	curl --silent --show-error --fail --cacert "$E2E_CERT" --max-time 10 \
		"https://127.0.0.1:$https/$(marker curl)" >/dev/null 3>&- 4>&- &
	curl_pid=$!
	wait "$curl_pid"
	typed sh "echo $(marker typed)"
}

target_seen() { # NAME
	EVENTS=$TLS seen 1 "$(marker "$1")." pid="${pid_of[$1]}" direction=send
	EVENTS=$TLS seen 1 "re:$(marker "$1")." pid="${pid_of[$1]}" direction=recv
}

target_missed() { # NAME
	EVENTS=$TLS seen 0 "$(marker "$1")." pid="${pid_of[$1]}"
}

curl_and_shell_seen() {
	EVENTS=$TLS seen 1 "GET /$(marker curl) HTTP" pid="$curl_pid" direction=send
	EVENTS=$SHELLS commands_are sh "[65534, 0, \"echo $(marker typed)\"]"
}

# ini DIRECTORY: both modules, with their events in files there.
ini() {
	printf '%s\n' '[global]' 'output = json' '[tls]' 'enabled = yes' "eventaddr = $1/tls.json" \
		'[bash]' 'enabled = yes' "eventaddr = $1/bash.json"
}

# ini_packets DIRECTORY: packets into a file there.
ini_packets() {
	printf '%s\n' '[tls]' 'enabled = yes' 'model = pcapng' "pcapfile = $1/tls.pcapng" 'ifname = lo'
}

# run_with CAPABILITY...: as the service does, with these and no other, what ini DIRECTORY says.
run_with() {
	ini "$D" >"$C/run.ini"
	run_ini '^info bash: capturing' "$@"
}

# run_ini PATTERN CAPABILITY...: until the log has the line.
run_ini() {
	local ready=$1
	shift
	local set=-all capability
	for capability; do
		capability=${capability#CAP_}
		set+=,+${capability,,}
	done
	: >"$TLS"
	: >"$SHELLS"
	setpriv --no-new-privs --bounding-set="$set" "$ECAPTURE" run --config "$C/run.ini" \
		${ECAPTURE_PLUGIN_DIR:+--plugin-dir "$ECAPTURE_PLUGIN_DIR"} >"$D/out" 2>"$LOG" \
		</dev/null 3>&- 4>&- &
	ecapture_pid=$!
	processes+=("$ecapture_pid")
	wait_until 20 says_or_ended "$ready"
}

# Whoever has no capability but those, to the bit.
capabilities_are() { # CAPABILITY...
	local mask
	mask=$(sed -n 's/^CapEff:\t*//p' "/proc/$ecapture_pid/status")
	same "capabilities" "$(tr ' ' '\n' <<<"$*" | tr A-Z a-z | sort)" \
		"$(capsh --decode="$mask" | sed 's/.*=//' | tr , '\n' | sort)"
}

stop_run() {
	local status=0
	kill -TERM "$ecapture_pid"
	wait "$ecapture_pid" || status=$?
	same "status" 0 "$status"
}

@test "the unit's capabilities suffice for other users, containers and replaced files" {
	local set name
	read -r -a set < <(capabilities)
	start_targets
	run_with "${set[@]}"
	capabilities_are "${set[@]}"
	use_targets
	stop_run
	curl_and_shell_seen
	for name in foreign secret deleted contained; do
		target_seen "$name"
	done
	! grep lacks "$LOG"
}

@test "each of the unit's capabilities is needed, and what is missed without it is said" {
	local set capability status missed
	# From Linux 6.15 on CAP_PERFMON is enough to see the maps of others, but not their files.
	declare -A misses=([CAP_SYS_PTRACE]=contained [CAP_DAC_READ_SEARCH]=secret
		[CAP_CHECKPOINT_RESTORE]=deleted)
	read -r -a set < <(capabilities | sed 's/CAP_NET_ADMIN//')
	start_targets
	for capability in "${set[@]}"; do
		mapfile -t rest < <(printf '%s\n' "${set[@]}" | grep -vx "$capability")
		run_with "${rest[@]}"
		case $capability in
		CAP_BPF | CAP_PERFMON)
			status=0
			wait "$ecapture_pid" || status=$?
			same "status without $capability" 1 "$status"
			grep -q "^error host: .* lacks $capability\$" "$LOG"
			;;
		*)
			missed=${misses[$capability]}
			use_targets
			stop_run
			curl_and_shell_seen
			target_missed "$missed"
			grep -q "^warning host: .* lacks $capability: .* missed\$" "$LOG"
			;;
		esac
	done
}

@test "packets need CAP_NET_ADMIN, and nothing else does" {
	local set status=0
	read -r -a set < <(capabilities | sed 's/CAP_NET_ADMIN//')
	ini_packets "$D" >"$C/run.ini"
	run_ini '^info tls: capturing' "${set[@]}"
	wait "$ecapture_pid" || status=$?
	same "status without CAP_NET_ADMIN" 1 "$status"
	grep -q "^error .*: capturing packets needs .*; this process lacks CAP_NET_ADMIN\$" "$LOG"
	[ ! -e "$D/tls.pcapng" ]
	run_ini '^info tls: capturing' "${set[@]}" CAP_NET_ADMIN
	capabilities_are "${set[@]}" CAP_NET_ADMIN
	stop_run
	! grep -E '^(warning|error)' "$LOG"
	[ -s "$D/tls.pcapng" ]
	# Plaintext: no word of it.
	run_with "${set[@]}"
	stop_run
	! grep lacks "$LOG"
}

# boot INI: a container of the machine's own files, whose first process is systemd. It runs the unit
# with what INI DIRECTORY says, and then what is on standard input, and ends.
boot() {
	local root=$C/root
	mkdir "$C/changes" "$C/work" "$root"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$C/changes,workdir=$C/work" "$root" \
		2>"$D/overlay.err" || skip "no overlay of /: $(<"$D/overlay.err")"
	cleanups=("umount -l '$root'" "${cleanups[@]}")
	# Its own temporary directory hides what we have in ours.
	mkdir -p "$root/opt/e2e/modules" "$root/etc/ecapture"
	install -m 755 "$ECAPTURE" "$E2E_BIN/talk" "$root/opt/e2e/"
	install -m 644 "$E2E_CERT" "$E2E_KEY" "$root/opt/e2e/"
	install -m 755 "${ECAPTURE_PLUGIN_DIR:?}"/*.so "$root/opt/e2e/modules/"
	{ "$1" /var/log/ecapture && printf '[global]\nplugin-dir = /opt/e2e/modules\n'; } \
		>"$root/etc/ecapture/ecapture.ini"
	cat >"$root/opt/e2e/scenario"
	chmod 755 "$root/opt" "$root/opt/e2e" "$root/opt/e2e/modules" "$root/opt/e2e/scenario" \
		"$root/etc/ecapture"
	unit /opt/e2e/ecapture /etc/ecapture >"$root/etc/systemd/system/ecapture.service"
	# The rest of the machine is not to start.
	mkdir "$root/etc/systemd/system/ecapture.service.d"
	printf '[Unit]\nDefaultDependencies=no\n[Service]\nStandardError=append:/opt/e2e/log\n' \
		>"$root/etc/systemd/system/ecapture.service.d/alone.conf"
	printf '[Unit]\nDefaultDependencies=no\nAfter=ecapture.service\n[Service]\nType=oneshot\n%s\n' \
		'ExecStart=/bin/bash /opt/e2e/scenario' >"$root/etc/systemd/system/scenario.service"
	printf '[Unit]\nDefaultDependencies=no\nWants=ecapture.service scenario.service\n' \
		>"$root/etc/systemd/system/e2e.target"
	timeout 60 systemd-nspawn --register=no --keep-unit --private-network --capability=all \
		--system-call-filter="bpf perf_event_open @debug @privileged" --console=pipe \
		--machine="${C##*.}" --directory="$root" --boot -- --unit=e2e.target \
		</dev/null >"$D/nspawn.log" 2>&1 3>&- 4>&- || true
	cp -r "$root/opt/e2e/." "$D/"
	[ -e "$D/begun" ] || skip "no container runs here: $(tail -n 1 "$D/nspawn.log")"
}

@test "as systemd runs it: ready when all capture, captures, and ends well" {
	command -v systemd-nspawn >/dev/null || skip "no systemd-nspawn (systemd-container)"
	boot ini <<-END
		cd /opt/e2e
		export E2E_CERT=/opt/e2e/cert.pem E2E_KEY=/opt/e2e/key.pem
		grep -c 'capturing; stop' log >begun
		exec >out 2>&1
		set -x
		ip link set lo up
		mkdir lib
		cp -L $(library libssl.so.3) $(library libcrypto.so.3) lib/
		chown -R 65534 lib
		chmod 700 lib
		./talk serve 127.0.0.1 >server &
		until grep -q listening server; do sleep 0.1; done
		port=\$(sed -n 's/^listening //p' server)
		{ until grep -q /opt/e2e/lib/libssl log; do sleep 0.1; done; echo "$(marker said)"; } |
			${nobody[*]} env LD_LIBRARY_PATH=/opt/e2e/lib ./talk connect 127.0.0.1 \$port >client
		printf '%s\n' 'echo $(marker typed)' exit |
			SHELL=/bin/bash script -qfc 'HISTFILE= ${nobody[*]} bash --norc --noprofile -i' /dev/null
		systemctl show ecapture.service -p StatusText -p NRestarts -p ActiveState >state
		cat /proc/\$(systemctl show -P MainPID ecapture.service)/status >status
		systemctl stop ecapture.service
		systemctl show ecapture.service -p Result -p ExecMainStatus >>state
		stat -c '%a %u %n' /var/log/ecapture /var/log/ecapture/* >modes
		cp /var/log/ecapture/*.json .
		systemctl poweroff --force
	END
	# After= of a service of Type=notify is after its READY=1.
	same "modules that capture when the service is ready" 2 "$(<"$D/begun")"
	diff -u - <(sort "$D/state") <<-END
		ActiveState=active
		ExecMainStatus=0
		NRestarts=0
		Result=success
		StatusText=tls is capturing, bash is capturing
	END
	grep -qx $'NoNewPrivs:\t1' "$D/status"
	grep -qx $'Seccomp:\t2' "$D/status"
	EVENTS=$TLS seen 1 "$(marker said)" direction=send uid=65534
	EVENTS=$TLS seen 1 "re:$(marker said)" direction=recv uid=65534
	EVENTS=$SHELLS events commands >"$D/commands"
	grep -qx "\[65534, 0, \"echo $(marker typed)\"\]" "$D/commands"
	! grep -E '^(warning|error)' "$D/log"
	diff -u - "$D/modes" <<-END
		700 0 /var/log/ecapture
		600 0 /var/log/ecapture/bash.json
		600 0 /var/log/ecapture/tls.json
	END
}

@test "as systemd runs it: packets that decrypt" {
	command -v systemd-nspawn >/dev/null || skip "no systemd-nspawn (systemd-container)"
	command -v tshark >/dev/null || skip "tshark is not installed"
	boot ini_packets <<-END
		cd /opt/e2e
		export E2E_CERT=/opt/e2e/cert.pem E2E_KEY=/opt/e2e/key.pem
		grep -c 'capturing; stop' log >begun
		exec >out 2>&1
		set -x
		ip link set lo up
		./talk serve 127.0.0.1 >server &
		until grep -q listening server; do sleep 0.1; done
		port=\$(sed -n 's/^listening //p' server)
		echo \$port >port
		echo "$(marker said)" | ./talk connect 127.0.0.1 \$port >client
		systemctl stop ecapture.service
		systemctl show ecapture.service -p Result -p ExecMainStatus -p NRestarts >state
		stat -c '%a %u %n' /run/ecapture /var/log/ecapture /var/log/ecapture/* >modes
		cp /var/log/ecapture/tls.pcapng .
		systemctl poweroff --force
	END
	same "modules that capture when the service is ready" 1 "$(<"$D/begun")"
	diff -u - <(sort "$D/state") <<-END
		ExecMainStatus=0
		NRestarts=0
		Result=success
	END
	! grep -E '^(warning|error)' "$D/log"
	diff -u - "$D/modes" <<-END
		700 0 /run/ecapture
		700 0 /var/log/ecapture
		600 0 /var/log/ecapture/tls.pcapng
	END
	tshark -n -r "$D/tls.pcapng" -d "tcp.port==$(<"$D/port"),tls" -q -z follow,tls,ascii,0 \
		>"$D/followed" 2>"$D/tshark.err"
	grep -q "$(marker said)" "$D/followed"
}
