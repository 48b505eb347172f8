#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does what a page says: runs the commands of its console blocks, one after the other, in TAP.

  run_page.py PAGE.md UID DIRECTORY

    ```console
    $ a command of the user UID
    what it prints; ... stands for any words, on a line of its own for any lines
    # a command of root
    ```

Without output below it, a command may print what it likes; SHOW=1 shows it. It has to succeed, unless the line
before the block is <!-- exit N -->, which is about the block's last command. A command that is
stopped by a line ^C runs while the next block is run, and gets its SIGINT once it has printed
all that stands above that line.
"""
import os
import re
import select
import signal
import subprocess
import sys
import time

BLOCK = re.compile(r'(?:^<!-- exit (\d+) -->\n)?^```console\n(.*?)^```$', re.S | re.M)
PATIENCE = 120      # seconds for what should take one or two
READY = 'stop with ^C'


class Step:
    def __init__(self, prompt, command):
        self.prompt, self.command, self.output, self.code = prompt, command, [], 0

    @property
    def stopped(self):
        return '^C' in self.output


def steps_of(block, code):
    steps = []
    for line in block.splitlines():
        last = steps[-1] if steps else None
        if line[:2] in ('$ ', '# '):
            steps.append(Step(line[0], line[2:]))
        elif last and not last.output and (last.command.endswith('\\') or line.startswith('> ')):
            last.command += '\n' + line.removeprefix('> ')
        else:
            last.output.append(line)
    steps[-1].code = int(code or 0)
    return steps


def agrees(expected, actual):
    """Whether the output is what the page shows, with ... for any words, or for any lines."""
    pattern = ''.join('(?:.*\n)*?' if line == '...'
                      else '.*?'.join(map(re.escape, line.split('...'))) + '\n'
                      for line in expected)
    return re.fullmatch(pattern, ''.join(line.rstrip() + '\n' for line in actual.splitlines()))


def become(uid):
    return ['setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups'] if uid else []


class Shell:
    """A terminal: bash as one user. Commands see each other's variables and directories."""
    END = '--end of output--'

    def __init__(self, uid, directory):
        self.bash = subprocess.Popen(
            become(uid) + ['bash'], cwd=directory, text=True, bufsize=1, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, command):
        """Returns the output and the exit code."""
        self.bash.stdin.write(f'{{ {command}\n}} </dev/null\n'
                              f'printf "\\n%s %d %s\\n" "{self.END}" $? "$PWD"\n')
        output = ''
        for line in self.bash.stdout:
            if line.startswith(self.END):
                code, self.directory = line.removeprefix(self.END).split(maxsplit=1)
                return output.removesuffix('\n'), int(code)
            output += line
        return output, 'no exit code: the shell ended'

    def close(self):
        self.bash.stdin.close()
        self.bash.wait()


class Capture:
    """A command that runs until it is stopped."""

    def __init__(self, uid, directory, command):
        self.output = ''
        self.process = subprocess.Popen(become(uid) + ['bash', '-c', command], cwd=directory,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)

    def read_until(self, done):
        """Reads until done(output), the end, or the end of patience."""
        end = time.monotonic() + PATIENCE
        while not done(self.output) and time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                more = os.read(self.process.stdout.fileno(), 65536)
                if not more:
                    return
                self.output += more.decode(errors='replace')

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        self.read_until(lambda _: False)
        return self.output, self.process.wait()


class Page:
    def __init__(self, text, uid, directory):
        self.blocks = [steps_of(block, code) for code, block in BLOCK.findall(text)]
        self.shells = {'$': Shell(uid, directory), '#': Shell(0, directory)}
        self.uids = {'$': uid, '#': 0}
        self.directory, self.n, self.failed = directory, 0, 0

    def report(self, step, output, code):
        wrong = []
        if code != step.code:
            wrong.append(f'exit code {code}, expected was {step.code}')
        expected = [line for line in step.output if line != '^C']
        if expected and not agrees(expected, output):
            wrong += ['expected was', *(f'  {line}' for line in expected)]
        self.n, self.failed = self.n + 1, self.failed + bool(wrong)
        print('not ' * bool(wrong) + f'ok {self.n} - {step.prompt} {step.command.splitlines()[0]}'
              .replace('#', '\\#'))
        if wrong or 'SHOW' in os.environ:
            lines = output.splitlines()
            wrong += ['the output was', *(f'  {line[:200]}' for line in lines[:50])]
            wrong += [f'  and {len(lines) - 50} lines more'] * (len(lines) > 50)
            print(*(f'# {line}' for line in wrong), sep='\n')
        sys.stdout.flush()

    def run_step(self, step):
        shell = self.shells[step.prompt]
        if self.directory:
            shell.run(f'cd {self.directory!r}')
        output, code = shell.run(step.command)
        self.directory = shell.directory.strip()
        self.report(step, output, code)

    def run_stopped(self, step, meanwhile):
        above = step.output[:step.output.index('^C')]
        capture = Capture(self.uids[step.prompt], self.directory, step.command)
        capture.read_until(lambda output: READY in output)
        self.run_block(meanwhile)
        capture.read_until(lambda output: agrees(above, output))
        self.report(step, *capture.stop())

    def run_block(self, steps):
        for step in steps:
            if step.stopped:
                self.run_stopped(step, self.blocks.pop(0))
            else:
                self.run_step(step)

    def run(self):
        while self.blocks:
            self.run_block(self.blocks.pop(0))
        for shell in self.shells.values():
            shell.close()
        print(f'1..{self.n}')
        return 1 if self.failed or not self.n else 0


def main():
    path, uid, directory = sys.argv[1:]
    with open(path, encoding='utf-8') as file:
        return Page(file.read(), int(uid), directory).run()


if __name__ == '__main__':
    sys.exit(main())
