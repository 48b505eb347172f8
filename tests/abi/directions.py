#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""directions.py TOP WORK MODULES: modules of each ABI on hosts of each ABI, in TAP.

The headers of each are those in TOP/tests/abi/MAJOR.MINOR and in TOP/sdk. The host is all of
ecapture, built against them in WORK; the module is tests/abi/witness.c, for each lower target. MODULES is a
directory from which ecapture takes modules. All of it runs with sanitizers.

FIRST in the environment is the first of the minors that tests/abi/next_minor.sh has made. The sources are
those in $top_srcdir.
"""
import concurrent.futures
import functools
import itertools
import json
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys

import recording

top, work, modules = map(pathlib.Path, sys.argv[1:4])
source = pathlib.Path(os.environ['top_srcdir'])
build = pathlib.Path(os.environ['top_builddir'])
here = source / 'tests/abi'
first = int(os.environ['FIRST'])
CC = os.environ.get('CC', 'cc').split()
SANITIZE = os.environ['SANITIZE'].split()
RECORDS = [b'a record', b'a longer record']
# A leak is the business of other tests; here a wrong byte is to end the program.
os.environ['ASAN_OPTIONS'] = 'abort_on_error=1:detect_stack_use_after_return=1:detect_leaks=0'
os.environ['UBSAN_OPTIONS'] = 'print_stacktrace=1'
count = 0
failures = []


def expect(what, found, wanted):
    if found != wanted:
        failures.append(f'{what}: {found!r}, expected was {wanted!r}')


def result(name, skip=None):
    global count
    count += 1
    print(f"{'not ok' if failures else 'ok'} {count} - {name}{f' # SKIP {skip}' if skip else ''}")
    for failure in failures[:20]:
        print('#', failure.replace('\n', '\n# '))
    failures.clear()
    sys.stdout.flush()


def compile(*args):
    done = subprocess.run([*CC, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode:
        failures.append(f'{args[-2]} {args[-1]}: {done.stderr[-1500:]}')


@functools.cache
def uses_sdk(path):
    """Whether a source or header of core includes one of the SDK, itself or through others."""
    text = path.read_text()
    if re.search(r'^#include <ecapture/', text, re.M):
        return True
    for name in re.findall(r'^#include "(.*)"', text, re.M):
        found = [p for p in (path.parent / name, source / 'core' / name) if p.exists()]
        if found and uses_sdk(found[0].resolve()):
            return True
    return False


class Set:
    """One set of headers, and the host that is built against it."""

    def __init__(self, path):
        abi = (path / 'ecapture/abi.h').read_text()
        self.path = path
        self.major, self.minor = (int(re.search(rf'^#define ECAP_ABI_{n} +(\d+)$', abi, re.M)[1])
                                  for n in ('MAJOR', 'MINOR'))
        self.dir = work / str(self)
        self.host = self.dir / 'ecapture'

    def __str__(self):
        return f'{self.major}.{self.minor}'

    def jobs(self):
        """What is to be compiled: arguments of the compiler. Against today's headers, all is there."""
        self.dir.mkdir(parents=True, exist_ok=True)
        flags = ['-O0', '-std=gnu11', *SANITIZE, *shlex.split(os.environ['CORE_DEFINES']), f'-DFIRST={first}',
                 f'-I{self.path}', f'-I{source}/core', f'-I{source}/bpf', f'-I{build}', f'-Wa,-I{build}/bpf',
                 *os.environ['CORE_CFLAGS'].split()]
        names = [] if self.minor == first - 1 else [n for n in os.environ['CORE_C'].split() if uses_sdk(source / n)]
        self.objects = []
        for name in [*names, 'core/main.c', 'tests/abi/added.c']:
            self.objects.append(self.dir / (name.replace('/', '_')[:-2] + '.o'))
            yield *flags, '-c', '-o', self.objects[-1], source / name

    def link(self):
        """What knows nothing of the SDK is the same for all."""
        wraps = ['ecap_call_init', 'ecap_render'] if self.minor >= first else []
        compile(*SANITIZE, '-o', self.host, *self.objects, *(f'-Wl,--wrap={name}' for name in wraps),
                build / 'tests/libcore.a', *os.environ['CORE_LIBS'].split())


class Module:
    """The witness, built against a set for a target; shown: up to which minor it sees members."""

    def __init__(self, of, target, shown=None, misuse=''):
        self.set, self.target, self.shown = of, target, shown if shown is not None else target
        self.dir = modules / f"{of}-for-{target}{f'-shows-{shown}' if shown is not None else ''}{misuse}"
        self.file = self.dir / 'witness.so'
        self.flags = [f'-D{misuse}'] if misuse else []

    def __str__(self):
        text = f'module {self.set}'
        if self.target != self.set.minor:
            text += f' for {self.set.major}.{self.target}'
        if self.shown != self.target:
            text += f' that sees {self.set.major}.{self.shown}'
        return text

    def job(self):
        self.dir.mkdir()
        return ('-O1', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-fvisibility=hidden',
                *SANITIZE, f'-I{self.set.path}', f'-Wa,-I,{work}', f'-DFIRST={first}',
                f'-DECAP_ABI_TARGET={self.target}', f'-DECAP_ABI_OPTIONAL={self.shown}', *self.flags,
                *os.environ['CORE_CFLAGS'].split(), '-o', self.file, here / 'witness.c', '-lbpf')


def run(host, module, *args):
    done = subprocess.run([host.host, '--plugin-dir', module.dir, *args], capture_output=True, text=True,
                          check=False, timeout=120, stdin=subprocess.DEVNULL)
    for sign in ('Sanitizer', 'runtime error'):
        if sign in done.stderr:
            failures.append(f'{args}: {done.stderr}')
    return done


def refusal(host, module):
    """By the version rule, or None."""
    if module.target <= host.minor:
        return None
    return (f'{module.file}: witness 1.0.0 needs SDK ABI {module.set.major}.{module.target}, this ecapture offers '
            f'{host}; upgrade ecapture, or rebuild it with -DECAP_ABI_TARGET={host.minor}')


def added(*minors):
    """How many of the added members both sides know."""
    return max(0, min(minors) - first + 1)


def check_refused(host, module, reason):
    row = json.loads(run(host, module, 'modules', 'list', '-o', 'json').stdout)[0]
    expect('list', (row['state'], row.get('reason')), ('refused', reason))
    for args in (['witness', '--list', 'a'],
                 ['modules', 'replay', str(module.file), str(work / 'recording')]):
        done = run(host, module, *args)
        if not done.returncode or reason not in done.stderr:
            failures.append(f'{args}: exit {done.returncode}: {done.stderr!r} does not say {reason!r}')


def check_inspect(host, module):
    """What a module says is shown whether or not it can be used."""
    done = run(host, module, 'modules', 'inspect', str(module.file), '-o', 'json')
    if done.returncode:
        failures.append(f'inspect: {done.stderr}')
        return
    shown = json.loads(done.stdout)
    expect('inspect', (shown['abi'], shown['abi_needed'], shown['abi_offered']),
           (str(module.set), f'{module.set.major}.{module.target}', str(host)))
    expect('options', [o['name'] for o in shown['options']],
           ['number', 'bytes', 'wait', 'text', 'file', 'device', 'words', 'list', 'small', 'model', 'on'])
    expect('BPF objects', [b['name'] for b in shown['bpf']], ['core', 'noncore'])


def check_replay(host, module):
    done = run(host, module, 'modules', 'replay', 'witness', str(work / 'recording'), '-o', 'json',
               '--list', 'a', '--list', 'b')
    expect('replay: exit', (done.returncode, done.stderr if done.returncode else ''), (0, ''))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    expect('events', [(e['kind'], e['payload']) for e in events],
           [(kind, record.decode()) for record in RECORDS
            for kind in ('emitted', 'dispatched' if len(record) > 8 else 'decoded')])
    both, needed = added(host.minor, module.shown), added(host.minor, module.target)
    for event in events:
        if event['kind'] == 'emitted':
            expect('emitted', {k: event[k] for k in ('text', 'map', 'functions', 'context', 'common', 'room', 'src')},
                   {'text': 'a text', 'map': 1, 'functions': both, 'context': both, 'common': both, 'room': both,
                    'src': '127.0.0.1:7'})
    if host.minor >= first:
        expect('operations that the host called', re.findall('added operations: (.*)', done.stderr), [str(needed)])
        for kind, of_event, of_field in re.findall(r'members of the event (\w+): (\d+), of its first field: (\d+)',
                                                   done.stderr):
            expect(f'members of {kind}', (int(of_event), int(of_field)),
                   (both, 1 if kind == 'emitted' and needed else 0))


def check_check(host, module, captures, reason=None):
    """All load checks, and a trial run as far as the maps, in a process of its own."""
    done = run(host, module, 'modules', 'check', '--run', '--btf', '2', '-o', 'json', str(module.file))
    checked = json.loads(done.stdout)
    answers = {c['check']: (c['answer'], c['reason']) for c in checked['checks']}
    if reason:
        expect('check', (done.returncode, answers['abi'][0], answers['memory'][0]), (1, 'no', 'not checked'))
        if answers['abi'][1] not in reason:
            failures.append(f"check: {answers['abi'][1]!r} is not the reason of the list, {reason!r}")
    else:
        # Who may not capture gets no trial run.
        allowed = {'yes'} if captures else {'yes', 'not checked'}
        expect('check', (done.returncode, [(n, *a) for n, a in answers.items() if a[0] not in allowed]), (0, []))
    if failures:
        failures.append(done.stdout)


def check_probe(host, module):
    """The one operation beside the life cycle, with a named section of an ini file."""
    (module.dir / 'named.ini').write_text('[witness.place "here"]\nat = 34\n')
    done = run(host, module, 'modules', 'probe', '--config', module.dir / 'named.ini', '-o', 'json', sys.executable,
               'witness')
    found = json.loads(done.stdout)['modules'][0]
    expect('probe', (done.returncode, found['error'], found['places']),
           (0, None, [{'what': 'something', 'function': 'main', 'address': 1, 'offset': 2, 'instruction': 'push rbp',
                       'emulated': True, 'how': 'by its looks'}]))
    if failures:
        failures.append(done.stderr)


def check_capture(host, module):
    """Real maps, whose descriptions and values have the module's sizes; then the witness ends it."""
    done = run(host, module, 'witness', '--btf', '2', '--list', 'a', '--list', 'b')
    expect('capture', (done.returncode, 'witness: has seen enough' in done.stderr), (1, True))
    if failures:
        failures.append(done.stderr)


def check_pair(host, module, captures):
    reason = refusal(host, module)
    check_inspect(host, module)
    check_check(host, module, captures, reason)
    if reason:
        check_refused(host, module, reason)
    else:
        check_replay(host, module)
        check_probe(host, module)
        if captures:
            check_capture(host, module)
    result(f"host {host}, {module}: {'refused' if reason else 'runs'}")


def check_misuse(host, module, what):
    """It says that it runs on older hosts, and uses what they do not have."""
    reason = (f'{module.file}: its {what} uses members of a later SDK, although the module says that it runs on this '
              'one; rebuild it with an ECAP_ABI_TARGET that is right, or upgrade ecapture')
    check_refused(host, module, reason)
    result(f'host {host}, {module} and uses it in the {what}: refused')


def main():
    sets = sorted((Set(p) for p in [*(top / 'tests/abi').glob('[0-9]*.[0-9]*'), top / 'sdk']), key=lambda s: s.minor)
    newest = sets[-1]
    built = [Module(s, t.minor) for s in sets for t in sets if t.minor <= s.minor]
    built += [Module(newest, t.minor, newest.minor) for t in sets[:-1]]
    misused = {what: Module(newest, sets[0].minor, newest.minor, name) for what, name in
               {'descriptor': 'MISUSE_MODULE', 'table of operations': 'MISUSE_OPS', 'option row': 'MISUSE_OPTION',
                'BPF object row': 'MISUSE_BPF'}.items()}
    # Of a BPF object, the ELF header (elf(5)) is all that is looked at before it is loaded.
    (work / 'object.o').write_bytes(struct.pack('<16sHHIQQQIHHHHHH', b'\x7fELF\2\1\1', 1, 247, 1, 0, 0, 0, 0, 64,
                                                0, 0, 0, 0, 0))
    recording.write(work / 'recording', 'witness', '1.0.0', RECORDS)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [*(job for s in sets for job in s.jobs()), *(m.job() for m in [*built, *misused.values()])]
        list(pool.map(lambda job: compile(*job), jobs))
        list(pool.map(lambda s: s.link(), sets))
    broken = bool(failures)
    result(f"the host and the witness build against {', '.join(map(str, sets))}; what is new there is for them to "
           'use within #if ECAP_SINCE')
    if broken:
        print('1..1')
        return
    captures = os.geteuid() == 0 and subprocess.run([os.environ['BPFTOOL'], 'prog', 'list'], capture_output=True,
                                                    check=False).returncode == 0
    print(f"# captures too: {'yes' if captures else 'no, that needs root and bpf(2)'}")
    for host, module in itertools.product(sets, built):
        check_pair(host, module, captures)
    for what, module in misused.items():
        check_misuse(sets[0], module, what)
    print(f'1..{count}')


main()
