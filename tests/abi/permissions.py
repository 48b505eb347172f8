#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""permissions.py DIRECTORY: the permission matrix, through the real program, in TAP.

Who owns a file, its mode, the same of the two directories above it, how the path leads there and
who runs ecapture: what comes of each combination follows from the tables OWNERS and MODES. That
nothing of a module runs before it is refused is seen by its constructor, which leaves a trace.
DIRECTORY is empty and belongs, like all above it, to root alone.
"""
import itertools
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import recording

ROOT, USER, OTHER = 0, 12345, 54321
RUNNERS = (ROOT, USER, OTHER)

# Whose files a runner takes.
OWNERS = {
    ROOT: {ROOT: True, USER: True, OTHER: True},
    USER: {ROOT: False, USER: True, OTHER: False},
    OTHER: {ROOT: False, USER: False, OTHER: True},
}

# Modes: the one to whom write permission is too much, and what takes it away.
FILE_MODES = {
    0o644: None, 0o755: None, 0o444: None, 0o6755: None,
    0o664: ('group', 'g-w'), 0o775: ('group', 'g-w'), 0o646: ('others', 'go-w'),
    0o666: ('others', 'go-w'), 0o1666: ('others', 'go-w'),
}
DIR_MODES = {
    0o755: None, 0o2755: None, 0o555: None, 0o1755: None,
    0o775: ('group', 'g-w'), 0o2775: ('group', 'g-w'), 0o757: ('others', 'go-w'),
    0o1777: ('others', None), 0o1775: ('group', None),
}

tmp = pathlib.Path(sys.argv[1])
source = pathlib.Path(os.environ['top_srcdir'])
ecapture = tmp / 'bin/ecapture'
trace = tmp / 'trace/ran'
failures = []
count = 0


def acts_as(runner):
    return 'you' if runner else 'root'


def file_reason(owner, mode, runner):
    if not OWNERS[owner][runner]:
        return f'belongs to uid {owner}, and it would act as {acts_as(runner)}; chown it'
    if FILE_MODES[mode]:
        who, fix = FILE_MODES[mode]
        return f'writable by {who} (mode {mode:04o}), and it would act as {acts_as(runner)}; chmod {fix} it'
    return None


def dir_reason(path, owner, mode, runner):
    if not OWNERS[owner][runner]:
        return f'directory {path} belongs to uid {owner}; move the file or chown the directory'
    if DIR_MODES[mode]:
        who, fix = DIR_MODES[mode]
        more = f' or chmod {fix} the directory' if fix else ''
        return f'directory {path} is writable by {who} (mode {mode:04o}); move the file{more}'
    return None


def own(path, uid, mode):
    """Owner and mode; the owner first, since changing it takes set-ID bits away."""
    os.chown(path, uid, uid)
    os.chmod(path, mode)


def run(runner, *args, program=None, before=()):
    return subprocess.run([*before, program or ecapture, *args], capture_output=True, text=True,
                          user=runner, group=runner, extra_groups=[], cwd='/', check=False,
                          timeout=60, stdin=subprocess.DEVNULL)


def expect(what, found, wanted):
    if found != wanted:
        failures.append(f'{what}: {found!r}, expected was {wanted!r}')


def no_trace(what, wanted=False):
    expect(f'{what}: code ran', trace.exists(), wanted)
    trace.unlink(missing_ok=True)


def result(name, skip=None):
    """Ends a case."""
    global count
    count += 1
    print(f"{'not ok' if failures else 'ok'} {count} - {name}{f' # SKIP {skip}' if skip else ''}")
    for failure in failures[:20]:
        print('#', failure)
    failures.clear()
    sys.stdout.flush()


def setup():
    os.umask(0o022)
    (tmp / 'bin').mkdir()
    (tmp / 'trace').mkdir()
    own(tmp / 'trace', ROOT, 0o1777)
    shutil.copy(os.path.join(os.environ['top_builddir'], 'ecapture'), ecapture)
    # Of a BPF object, the ELF header (elf(5)) is all that is looked at before it is loaded.
    header = struct.pack('<16sHHIQQQIHHHHHH', b'\x7fELF\2\1\1', 1, 247, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0)
    (tmp / 'object.o').write_bytes(header)
    subprocess.run([*os.environ.get('CC', 'cc').split(), '-std=gnu11', '-fPIC', '-shared',
                    '-fvisibility=hidden', f'-I{source}/sdk', f'-Wa,-I,{tmp}', f'-DMARK="{trace}"',
                    '-o', tmp / 'module.so', source / 'tests/unit/modules/full.c'], check=True)


class Tree:
    """up/dir with a module for each owner and mode, and two other ways to it."""

    def __init__(self, name):
        self.base = tmp / name
        self.up = self.base / 'up'
        self.dir = self.up / 'dir'
        self.links = self.base / 'links'
        self.dir.mkdir(parents=True)
        self.links.mkdir()
        self.files = {}
        for owner, mode in itertools.product(OWNERS, FILE_MODES):
            path = self.dir / f'{owner}-{mode:o}.so'
            shutil.copy(tmp / 'module.so', path)
            own(path, owner, mode)
            self.files[str(path)] = owner, mode
            link = self.links / f'{owner}-{mode:o}.so'
            link.symlink_to(path)
            os.lchown(link, OTHER, OTHER)
        self.dirlink = self.base / 'dirlink'
        self.dirlink.symlink_to(self.dir)
        os.lchown(self.dirlink, OTHER, OTHER)

    def ways(self):
        return self.dir, self.links, self.dirlink


def check_list(tree, way, runner, dirs):
    """All of the tree's modules at once, as the list shows them."""
    done = run(runner, '--plugin-dir', way, 'modules', 'list', '-o', 'json')
    what = f'{way} as uid {runner}'
    if done.returncode:
        failures.append(f'{what}: {done.stderr}')
        return
    rows = {row['file']: row for row in json.loads(done.stdout)}
    expect(f'{what}: files', sorted(rows), sorted(tree.files))
    for path, (owner, mode) in tree.files.items():
        reason = file_reason(owner, mode, runner)
        for directory, (dir_owner, dir_mode) in dirs.items():
            reason = reason or dir_reason(directory, dir_owner, dir_mode, runner)
        row = rows.get(path, {})
        found = row.get('reason') if row.get('state') == 'refused' else None
        expect(f'{what}: {path}', found, f'{path}: refused: {reason}' if reason else None)


def matrix():
    tree = Tree('matrix')
    for directory in (tree.dir, tree.up):
        for owner, mode in itertools.product(OWNERS, DIR_MODES):
            own(tree.dir, ROOT, 0o755)
            own(tree.up, ROOT, 0o755)
            own(directory, owner, mode)
            for way, runner in itertools.product(tree.ways(), RUNNERS):
                check_list(tree, way, runner, {directory: (owner, mode)})
            no_trace('list')
            name = 'its directory' if directory == tree.dir else 'the directory above'
            result(f'modules of each owner and mode, {name} of uid {owner}, mode {mode:04o}')
    own(tree.up, ROOT, 0o755)


# What each command does with a module: whether it runs its code.
COMMANDS = {
    ('modules', 'list'): False,
    ('modules', 'inspect', 'FILE'): False,
    ('modules', 'man', 'FILE'): False,
    ('modules', 'schema'): False,
    ('modules', 'completion', 'bash'): False,
    ('modules', 'check', 'FILE'): False,
    ('modules', 'check', '--run', 'FILE'): True,
    ('modules', 'replay', 'FILE', 'RECORDING'): True,
    ('modules', 'replay', 'fill', 'RECORDING'): True,
    ('modules', 'probe', '/bin/true', 'FILE'): True,
    ('config', 'check', 'INI'): False,
    ('run', '--config', 'INI'): True,
    ('fill',): True,
}
# Those want the rights to capture, and say so before they look at the module's code.
PRIVILEGED = {('fill',), ('run', '--config', 'INI'), ('modules', 'check', '--run', 'FILE')}


def commands(path, runner):
    """Each command for the module at this path, which is alone in its directory."""
    words = {'FILE': path, 'RECORDING': tmp / 'recording', 'INI': tmp / 'run.ini'}
    for command, runs in COMMANDS.items():
        if command in PRIVILEGED and runner != ROOT:
            continue
        args = [str(words.get(word, word)) for word in command]
        needs = ['--file', '/etc/passwd'] if runs and not {'check', 'run', 'probe'} & {*command} else []
        yield ['--plugin-dir', str(path.parent), *args, *needs], runs


def only_module(base):
    """base/up/dir/module.so, all of it as it should be."""
    path = tmp / base / 'up/dir/module.so'
    path.parent.mkdir(parents=True)
    shutil.copy(tmp / 'module.so', path)
    own(path, ROOT, 0o644)
    return path


def acl_for(path, uid):
    """An access list that lets one more user write: acl(5), the layout is linux/posix_acl_xattr.h."""
    search = path.is_dir()
    entries = [(1, 6 | search, -1), (2, 6 | search, uid), (4, 4 | search, -1), (0x10, 6 | search, -1),
               (0x20, 4 | search, -1)]
    packed = struct.pack('<I', 2) + b''.join(struct.pack('<HHi', *e) for e in entries)
    os.setxattr(path, 'system.posix_acl_access', packed)


def refused_places():
    """What is done to a good tree, and the reason of the refusal."""
    def place(name, change, reason):
        path = only_module(f'place{len(places)}')
        change(path)
        places.append((name, path, reason.format(file=path, dir=path.parent, up=path.parent.parent)))

    places = []
    place('file of another user', lambda p: own(p, OTHER, 0o644), f'belongs to uid {OTHER}, and it')
    place('file that its group writes', lambda p: own(p, ROOT, 0o664), 'writable by group (mode 0664)')
    place('file that all write, in a safe directory', lambda p: own(p, ROOT, 0o666),
          'writable by others (mode 0666)')
    place('directory of another user', lambda p: own(p.parent, OTHER, 0o755),
          f'directory {{dir}} belongs to uid {OTHER}')
    place('sticky directory', lambda p: own(p.parent, ROOT, 0o1777), 'directory {dir} is writable by others (mode 1777)')
    place('set-group-ID directory that its group writes', lambda p: own(p.parent, ROOT, 0o2775),
          'directory {dir} is writable by group (mode 2775)')
    place('upper directory that all write', lambda p: own(p.parent.parent, ROOT, 0o777),
          'directory {up} is writable by others (mode 0777)')
    try:
        place('access list of the file', lambda p: acl_for(p, OTHER), 'writable by group (mode 0664)')
        place('access list of the directory', lambda p: acl_for(p.parent, OTHER),
              'directory {dir} is writable by group (mode 0775)')
    except OSError as error:
        print(f'# no access lists here: {error}')
    return places


def no_code_before_refusal():
    recording.write(tmp / 'recording', 'full', '1.2.3', [b'a record'])
    own(tmp / 'recording', ROOT, 0o644)
    (tmp / 'run.ini').write_text('[fill]\nenabled = yes\nfile = /etc/passwd\n')
    good = only_module('good')
    for runner in (ROOT, USER):
        for command, runs in commands(good, runner):
            done = run(runner, *command)
            no_trace(f'uid {runner}: {command}: {done.stderr}', runs)
    result('a good module: its code runs in captures and replays, not when it is looked at')
    for name, path, reason in refused_places():
        for runner in (ROOT, USER):
            for command, runs in commands(path, runner):
                done = run(runner, *command)
                said = f'refused: {reason}' in done.stderr + done.stdout
                if (runs or {'modules', 'check'} <= {*command}) and (not said or not done.returncode):
                    failures.append(f'uid {runner}: {command}: exit {done.returncode}, {done.stderr!r} '
                                    f'does not say {reason!r}')
                no_trace(f'uid {runner}: {command}')
        result(f'{name}: refused by each command, and none runs its code')


def replay(runner, path, **how):
    """Runs the module's code, if it is taken: what ecapture says otherwise."""
    done = run(runner, 'modules', 'replay', str(path), str(tmp / 'recording'), '--file', '/etc/passwd', **how)
    no_trace(f'{path} as uid {runner}', wanted=not done.returncode)
    return done.stderr if done.returncode else None


def taken(name, runner, path, **how):
    expect(name, replay(runner, path, **how), None)


def refused(name, runner, path, reason, **how):
    said = replay(runner, path, **how)
    if not said or reason not in said:
        failures.append(f'{name}: {said!r} does not say {reason!r}')


def links():
    """What counts is where the path ends, not who made the links on the way."""
    good = only_module('linked')
    sticky = tmp / 'sticky'
    sticky.mkdir()
    own(sticky, ROOT, 0o1777)
    for target, name in ((good, 'file.so'), (good.parent, 'dir'), ('/nonexistent', 'dangling.so'),
                         (sticky / 'loop.so', 'loop.so')):
        (sticky / name).symlink_to(target)
        os.lchown(sticky / name, OTHER, OTHER)
    for runner in (ROOT, USER):
        # The kernel may not follow such links for others: protected_symlinks in proc(5).
        for path in (sticky / 'file.so', sticky / 'dir/module.so'):
            said = replay(runner, path)
            if said and 'Permission denied' not in said:
                failures.append(f'{path}: {said!r}')
        refused('dangling', runner, sticky / 'dangling.so', 'cannot open it: ')
        refused('loop', runner, sticky / 'loop.so', 'cannot open it: ')
    result('links of others in a sticky directory lead to good modules, or nowhere')
    own(good, OTHER, 0o644)
    link = good.parent.parent / 'link.so'
    link.symlink_to(good)
    refused('file', ROOT, link, f'{good}: refused: belongs to uid {OTHER}')
    own(good, ROOT, 0o644)
    own(good.parent, OTHER, 0o755)
    refused('directory', ROOT, link, f'{good}: refused: directory {good.parent} belongs to uid {OTHER}')
    result("a link of root's to what is another's")


def mounts():
    """A mount is what is found there, wherever it comes from."""
    def at(what, place):
        return ['unshare', '-m', '--propagation', 'private', 'sh', '-c',
                'mount --bind "$0" "$1" && shift && exec "$@"', what, place]

    good, bad = only_module('mount-good'), only_module('mount-bad')
    own(bad.parent, OTHER, 0o777)
    why_not = run(ROOT, before=at(bad, good), program='true').stderr
    if not why_not:
        taken('a file from elsewhere', ROOT, good, before=at(bad, good))
        refused('a directory', ROOT, good, f'directory {good.parent} belongs to uid {OTHER}',
                before=at(bad.parent, good.parent))
        own(bad, ROOT, 0o666)
        refused('a file that all write', ROOT, good, 'writable by others', before=at(bad, good))
    result('mounts over a file and over a directory', skip=why_not)


def more_rights():
    """A program with more rights than its user does not lend them to that user's modules."""
    theirs, roots = only_module('theirs'), only_module('roots')
    own(theirs, USER, 0o644)
    reason = f'belongs to uid {USER}, and it would act as somebody with more rights than you; chown it'
    programs = [shutil.copy(ecapture, tmp / 'bin' / name) for name in ('set-gid', 'with-capabilities')]
    own(programs[0], ROOT, 0o755)
    os.chown(programs[0], ROOT, OTHER)
    os.chmod(programs[0], 0o2755)
    # CAP_PERFMON and CAP_BPF, permitted and effective: struct vfs_cap_data, linux/capability.h.
    os.setxattr(programs[1], 'security.capability', struct.pack('<IIIII', 0x02000001, 0, 0, 1 << 6 | 1 << 7, 0))
    for program in programs:
        taken(program, USER, roots, program=program)
        refused(program, USER, theirs, reason, program=program)
        taken(program, ROOT, roots, program=program)
    taken('without', USER, theirs)
    # Nor does it take the directories that the environment names.
    os.environ['ECAPTURE_MODULE_PATH'] = str(roots.parent)
    for program, wanted in ((ecapture, True), (programs[0], False), (programs[1], False)):
        done = run(USER, 'modules', 'list', program=program)
        expect(f'{program}: ECAPTURE_MODULE_PATH', 'usable' in done.stdout, wanted)
    del os.environ['ECAPTURE_MODULE_PATH']
    result('a program with file capabilities or a set-group-ID bit')


def namespace():
    """Root of a user namespace is not root of the machine: whose files those are, it cannot see."""
    good = only_module('namespace')
    before = ['unshare', '--map-root-user']
    why_not = run(USER, before=before, program='true').stderr
    if not why_not:
        refused('uid 0 of a user namespace', USER, good, 'refused: belongs to uid 65534', before=before)
    result('root of a user namespace', skip=why_not)


def ini():
    """The same for the ini file, which says where modules are."""
    path = tmp / 'ini/up/dir/ecapture.ini'
    path.parent.mkdir(parents=True)
    path.write_text(f'[global]\nplugin-dir = {only_module("by-ini").parent}\n')
    link = tmp / 'ini/link.ini'
    link.symlink_to(path)
    os.lchown(link, OTHER, OTHER)

    def check(what, reason_for):
        for way, runner in itertools.product((path, link), RUNNERS):
            done = run(runner, '--config', way, 'modules', 'list')
            reason = reason_for(runner)
            case = f'{what}, {way} as uid {runner}'
            if reason:
                expect(case, done.stderr, f'error ecapture: {path}: refused: {reason}\n')
                expect(f'{case}: exit', done.returncode, 1)
            elif done.returncode or 'usable' not in done.stdout:
                failures.append(f'{case}: {done.stdout}{done.stderr}')

    for owner, mode in itertools.product(OWNERS, FILE_MODES):
        own(path, owner, mode)
        check(f'uid {owner}, mode {mode:o}', lambda runner: file_reason(owner, mode, runner))
    own(path, ROOT, 0o644)
    for directory, owner, mode in itertools.product((path.parent, path.parent.parent), OWNERS, DIR_MODES):
        own(directory, owner, mode)
        check(f'{directory} of uid {owner}, mode {mode:o}',
              lambda runner: dir_reason(directory, owner, mode, runner))
        own(directory, ROOT, 0o755)
    no_trace('ini')
    result('the ini file, of each owner and mode, in directories of each owner and mode')


def main():
    setup()
    matrix()
    no_code_before_refusal()
    links()
    mounts()
    more_rights()
    namespace()
    ini()
    print(f'1..{count}')


main()
