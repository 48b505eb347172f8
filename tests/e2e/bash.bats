#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The bash module: what is typed into interactive shells on a terminal, and how it ended.

load lib

setup_file() {
	e2e_setup_file
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# capture_shell NAME [OPTION...]: captures, with the shell at a prompt that we have seen.
capture_shell() {
	capture bash "${@:2}"
	typed "$1" "echo done-before"
}

@test "commands of a shell, with status, pid and uid" {
	shell sh
	capture_shell sh
	typed sh "echo $(marker one)"
	typed sh "false # $(marker two)"
	typed sh "(exit 7) # $(marker three)"
	typed sh "echo $(marker four) | grep -q nothing"
	typed sh "  $(marker five)  2>/dev/null"
	stop_capture
	commands_are sh "[0, 0, \"echo $(marker one)\"]" "[0, 1, \"false # $(marker two)\"]" \
		"[0, 7, \"(exit 7) # $(marker three)\"]" \
		"[0, 1, \"echo $(marker four) | grep -q nothing\"]" \
		"[0, 127, \"  $(marker five)  2>/dev/null\"]"
}

@test "a command of many lines is one" {
	shell sh
	capture_shell sh
	say sh "for i in 1 2; do"
	say sh "	echo \$i $(marker loop)"
	typed sh "done"
	say sh "echo 'two"
	typed sh "lines' $(marker quoted)"
	stop_capture
	# A tab that is typed asks for completion, and is no part of the line.
	commands_are sh "[0, 0, \"for i in 1 2; do\\necho \$i $(marker loop)\\ndone\"]" \
		"[0, 0, \"echo 'two\\nlines' $(marker quoted)\"]"
}

@test "a syntax error has no status, and the next command has its own" {
	shell sh
	capture_shell sh
	typed sh "if then $(marker wrong)"
	typed sh "echo $(marker right)"
	stop_capture
	commands_are sh "[0, null, \"if then $(marker wrong)\"]" "[0, 0, \"echo $(marker right)\"]"
}

@test "exit: the status that the shell ends with" {
	shell sh
	capture_shell sh
	say sh "exit 3 # $(marker bye)"
	wait_until 10 is_done "${shell_pid[sh]}"
	stop_capture
	commands_are sh "[0, 3, \"exit 3 # $(marker bye)\"]"
}

@test "scripts, subshells and what a command runs are no commands" {
	printf '#!/bin/bash\necho %s\nfalse\n(true)\n' "$(marker script)" >"$D/script"
	chmod 755 "$D/script"
	shell sh
	capture_shell sh
	"$D/script" >/dev/null || true
	bash -c "echo $(marker string)" >/dev/null
	echo "echo $(marker stdin)" | bash >/dev/null
	typed sh "$D/script"
	typed sh "f() { false; true; }; f; eval 'false; true'; x=\$(false; echo $(marker inner))"
	stop_capture
	seen_commands=$(events commands)
	! grep -F "$(marker string)" <<<"$seen_commands"
	! grep -F "$(marker stdin)" <<<"$seen_commands"
	! grep -F "$(marker script)" <<<"$seen_commands"
	commands_are sh "[0, 0, \"$D/script\"]" \
		"[0, 0, \"f() { false; true; }; f; eval 'false; true'; x=\$(false; echo $(marker inner))\"]"
}

@test "another user's shell" {
	shell sh setpriv --reuid=65534 --clear-groups
	capture_shell sh
	typed sh "echo $(marker one)"
	stop_capture
	commands_are sh "[65534, 0, \"echo $(marker one)\"]"
}

@test "a long line is whole" {
	local text
	text=$(printf 'x%.0s' {1..9000})
	shell sh
	capture_shell sh
	typed sh ": $(marker long) $text"
	stop_capture
	commands_are sh "[0, 0, \": $(marker long) $text\"]"
}

@test "--errnumber: only commands that ended so" {
	shell sh
	capture_shell sh --errnumber 3
	typed sh "true # $(marker zero)"
	typed sh "(exit 3) # $(marker three)"
	typed sh "false # $(marker one)"
	stop_capture
	commands_are sh "[0, 3, \"(exit 3) # $(marker three)\"]"
}

@test "--pid and --uid: that shell" {
	local option
	shell one
	shell two setpriv --reuid=65534 --clear-groups
	for option in "--pid ${shell_pid[two]}" "--uid 65534"; do
		: >"$EVENTS"
		# shellcheck disable=SC2086
		capture_shell two $option
		typed one "echo $(marker one)"
		typed two "echo $(marker two)"
		stop_capture
		commands_are two "[65534, 0, \"echo $(marker two)\"]"
		same "commands of others" "$(wc -l <"$D/all")" "$(wc -l <"$EVENTS")"
	done
}

@test "a shell that was waiting at its prompt, and one that starts later" {
	shell before
	capture bash
	typed before "echo $(marker before)"
	start after script -qfc "HISTFILE= exec bash --norc --noprofile -i" /dev/null
	typed after "echo $(marker after) \$\$."
	shell_pid[after]=$(sed -n "s/.*$(marker after) \([0-9][0-9]*\)\..*/\1/p" "$D/after.out" | head -n 1)
	stop_capture
	commands_are before "[0, 0, \"echo $(marker before)\"]"
	commands_are after "[0, 0, \"echo $(marker after) \$\$.\"]"
}

@test "a program that is no bash is refused" {
	launch bash --bash /bin/true
	refused 1 '/bin/true.*execute_command'
}
