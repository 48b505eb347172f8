#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Completion in real shells, in TAP: keys typed into an interactive bash and zsh, and what the
# line became. Needs neither root nor BPF.
set -u
export LC_ALL=C.UTF-8
. "${top_srcdir:?run by make check}/tests/derived/lib.bash"

make_vendor vendor
if ! plugin_dir "$tmp/vendor.so"; then
	echo "1..0 # SKIP no directory that nobody else can write"
	exit
fi
mkdir -p "$tmp/bin" "$tmp/files/subdir" "$tmp/share/completions" "$tmp/functions"
touch "$tmp/files/sub-file" "$tmp/files/unique-file"
# The program as the user calls it; its modules are here.
cat >"$tmp/bin/ecapture" <<-END
	#!/bin/sh
	exec '$PWD/ecapture' --plugin-dir '$plugins' "\$@"
END
chmod 755 "$tmp/bin/ecapture"
PATH=$tmp/bin:$PATH
for shell in bash zsh; do
	"$tmp/bin/ecapture" modules completion $shell >"$tmp/$shell"
done

# answers WORD...: what the program says, without what the words are.
answers() {
	"$tmp/bin/ecapture" modules complete "$@" | cut -f1 | paste -sd' '
}

says() { # EXPECTED WORD...
	same "$1" "$(answers "${@:2}")"
}

same() { # EXPECTED ACTUAL
	[ "$1" = "$2" ] || { echo "expected: $1"; echo "got:      $2"; return 1; }
}

says_all_flags() {
	local answer flag
	answer=$(answers "$@") || return
	for flag in --u32 --choice --nasty --secret --files --pid --config --plugin-dir --help; do
		[[ " $answer " == *" $flag "* ]] || { echo "no $flag in $answer"; return 1; }
	done
	[[ $answer != *hidden* && $answer != *words\ words* ]]
}

# in_bash EXPECTED WORD...: what the function offers for the words as bash parts them.
in_bash() {
	same "$1" "$(bash --norc --noprofile -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		compopt() { echo "$@"; }
		_ecapture ecapture "${@: -1}" "${@: -2:1}"; printf "%s\n" "${COMPREPLY[@]}"' \
		"$tmp/bash" ecapture "${@:2}" | paste -sd' ')"
}

# types SHELL SETUP KEYS EXPECTED: @ stands for the directory with files.
types() {
	same "ecapture ${4//@/$tmp/files}" \
		"$(/usr/bin/python3 "$top_srcdir/tests/derived/keys.py" "$1" "$2" "ecapture ${3//@/$tmp/files}")"
}

no_code_was_run() {
	[ ! -e pwned ] && [ ! -e "$tmp/files/pwned" ]
}

script_is() { # SHELL FILE
	cmp "$tmp/$1" "$top_srcdir/core/completion/$1/$2" && "$1" -n "$tmp/$1"
}

refused() {
	local status=0
	./ecapture modules completion "$@" >"$tmp/said" 2>&1 || status=$?
	[ $status = 2 ] && grep -q '^error ' "$tmp/said"
}

check "modules" says "words ven-dor v_2" -- v
check "commands" says "words modules" -- mod
check "commands of a group" says "words schema" modules -- s
check "modules and files as arguments" says "files ven-dor acme v_2" modules man -- ""
check "words as arguments" says "words bash zsh" modules completion -- ""
check "no argument too many" says "words" modules completion zsh -- z
check "flags of a module and of all" says_all_flags acme -- --
check "flags of a command" says "words --directory" modules man -- --dir
check "flags before the command" says "words --plugin-dir" -- --pl
check "choices" says "words red green blue" acme --choice -- ""
check "choices, of the short flag" says "words green" acme -f -c -- gr
check "choices behind =" says "words blue" acme -- --colour=b
check "a value is not taken for a word" says "words red" acme --path choice --choice -- r
check "files" says "files" acme --path -- /x
check "files of a list" says "files" acme --files -- /x
check "directories" says "directories" acme --dir -- /x
check "directories of modules" says "directories" --plugin-dir -- /x
check "devices" says "words lo" acme --device -- lo
check "yes and no" says "words yes" acme -- --flag=y
check "nothing where nobody knows" says "words" acme --u32 -- 1
check "nothing behind --" says "words" acme -- -- --ch
check "nothing for an unknown module" says "words" no-such-module -- --
check "nothing for an unknown command of a group" says "words" modules no-such-command -- --
check "an unknown shell is refused" refused fish
check "no shell is refused" refused

check "bash: the script" script_is bash ecapture
check "bash: choices behind =" in_bash "red green blue" acme --choice =
check "bash: a word behind =" in_bash "green" acme --choice = g
check "bash: texts of a vendor are quoted" in_bash '\$\(touch\ pwned\)' acme --nasty '$'
check "bash: files are left to bash" in_bash "-o default " acme --path ""
check "bash: directories too" in_bash "-o dirnames " acme --dir ""
check_with zsh "zsh: the script" script_is zsh _ecapture

# A blank of the line is ~ here.
while read -r keys becomes; do
	for shell in bash zsh; do
		check_with $shell "$shell: ${keys//\~/ }" types $shell "$tmp/$shell" "${keys//\~/ }" "${becomes//\~/ }"
	done
done <<'END'
ven\t			ven-dor~
acme~--cho\t		acme~--choice~
acme~--choice~gr\t	acme~--choice~green~
acme~--choice=b\t	acme~--choice=blue~
acme~--nasty~b\t	acme~--nasty~b\~\;c~
acme~-i~l\t		acme~-i~lo~
acme~--path~@/uni\t	acme~--path~@/unique-file~
acme~--path=@/uni\t	acme~--path=@/unique-file~
acme~--dir~@/sub\t	acme~--dir~@/subdir/
acme~--dir=@/sub\t	acme~--dir=@/subdir/
modules~man~@/uni\t	modules~man~@/unique-file~
modules~man~ac\t	modules~man~acme~
modules~sch\tve\t	modules~schema~ven-dor~
END
check "nothing of a vendor's texts was run" no_code_was_run

# As they are installed: found by name, once they are wanted.
cp "$tmp/bash" "$tmp/share/completions/ecapture"
cp "$tmp/zsh" "$tmp/functions/_ecapture"
framework=/usr/share/bash-completion/bash_completion
echo "BASH_COMPLETION_USER_DIR=$tmp/share; . $framework" >"$tmp/bash.installed"
echo "fpath=($tmp/functions \$fpath); compinit -u -D" >"$tmp/zsh.installed"
if [ -e $framework ]; then
	check "bash: as installed" types bash "$tmp/bash.installed" 'acme --choice=r\t' 'acme --choice=red '
else
	skip "bash: as installed" "no bash-completion"
fi
check_with zsh "zsh: as installed" types zsh "$tmp/zsh.installed" 'acme --choice=r\t' 'acme --choice=red '
finish
