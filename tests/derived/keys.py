#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Types into an interactive shell, and prints what became of the line.

keys.py SHELL SETUP KEYS: SHELL is bash or zsh, SETUP a file that it reads first, KEYS what is typed,
with \\t for the tab key. The line is not run.
"""
import os
import pty
import select
import signal
import sys

SHOW = "\x0f"  # ^O: prints the line as it stands
BASH = """
bind 'set completion-query-items -1'
bind 'set enable-bracketed-paste off'
show() { printf 'LINE<%s>\\n' "$READLINE_LINE"; }
bind -x '"\\C-o": show'
"""
ZSH = """
autoload -U compinit && compinit -u -D
show() { print -r -- "LINE<$BUFFER>" }
zle -N show
bindkey '^O' show
setopt no_beep
"""
SHELLS = {"bash": (["bash", "--norc", "--noprofile", "-i"], BASH), "zsh": (["zsh", "-f", "-i"], ZSH)}


def read_until(fd, mark, said=b""):
    """The output up to what follows the mark, to the end of that line."""
    while mark not in said or b"\n" not in said.partition(mark)[2]:
        if not select.select([fd], [], [], 60)[0]:
            sys.exit(f"the shell says nothing more: {said!r}")
        try:
            said += os.read(fd, 4096)
        except OSError:
            sys.exit(f"the shell has ended: {said!r}")
    return said


def main():
    shell, setup, keys = sys.argv[1:]
    command, prepare = SHELLS[shell]
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", PS1="", PS2="", HISTFILE="/dev/null")
        os.execvp(command[0], command)
    with open(setup, encoding="utf-8") as file:
        # Through a file of its own, for the shell is at its line editor when it reads it.
        prepare += file.read()
    with open(setup + ".all", "w", encoding="utf-8") as file:
        file.write(prepare + "\necho REA''DY\n")
    os.write(fd, f". {setup}.all\n".encode())
    read_until(fd, b"READY")
    os.write(fd, (keys.replace("\\t", "\t") + SHOW).encode())
    line = read_until(fd, b"LINE<").partition(b"LINE<")[2].rpartition(b">")[0]
    print(line.decode())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
