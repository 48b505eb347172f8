#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the SDK's headers are documented, and whether their reference has all of it.

  sdk_comments.py comments HEADER...          prints what has no comment, or no thread rule
  ctags ... | sdk_comments.py complete PAGE   prints what the page of a header lacks

The tags come from ctags -x --_xformat='%K %N %s' (kind, name, the struct around it).
"""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sdk'))
from header import Header  # noqa: E402

USUAL = re.compile(r'struct_size|reserved\d*$')
THREAD = re.compile(r'\[(main|reader|any thread)\]')
TAG = re.compile(r'\[(grows: \w+|fixed|inside|private|main|reader|any thread)\]')


def says(comment):
    return TAG.sub('', comment).strip()


def bare_members(struct, rule):
    """rule: the thread of all calls is said above the struct or the file."""
    for member in struct.members:
        where = f'{struct.names[0]}.{member.names[0]}'
        if not says(member.comment) and not struct.kernel and not USUAL.match(member.names[0]):
            yield f'{where} has no comment'
        if '(*' in member.text and not rule and not THREAD.search(member.comment):
            yield f'{where} does not say on which thread it is called'


def bare(header):
    if not header.comment:
        yield 'says nothing of what it is for'
    for group in header.groups:
        for item in group.items:
            if not says(group.comment) and not says(item.comment):
                yield f'{item.kind} {item.names[0]} has no comment'
            rule = THREAD.search(header.comment + group.comment)
            yield from bare_members(item, rule)


def named(page):
    """Pairs of scope and name, of everything that the page has a line for. The scope is "struct"
    for a struct, its name for its members, else "".
    """
    found, around = set(), ''
    for line in page.split('\n'):
        if line.startswith('## '):
            struct = re.match(r'## struct (\w+)$', line)
            around = struct[1] if struct else ''
            found |= {('struct' if struct else '', name) for name in re.findall(r'\w+', line)}
        elif line.startswith('- `'):
            found |= {(around, name) for name in re.findall(r'\w+', line[3:].split('`')[0])}
    return found


def lacking(page, tags):
    with open(page, encoding='utf-8') as file:
        found = named(file.read())
    for kind, name, around in (tag.split() for tag in tags):
        around = {'member': around.split(':')[-1].rstrip('-'), 'struct': 'struct'}.get(kind, '')
        # Structs of maps have no name. SEC() behind a map is no variable, nor are guards macros.
        if '__anon' in name + around or name == 'SEC' or name.endswith('_H'):
            continue
        if (around, name) not in found:
            yield f'{kind} {name} ({around or "no struct"}) is not in {page}'


def main():
    command, *paths = sys.argv[1:]
    if command == 'comments':
        wrong = [f'{path}: {text}' for path in paths for text in bare(Header(path))]
    else:
        wrong = list(lacking(paths[0], sys.stdin.read().splitlines()))
    print(*wrong, sep='\n', end='\n' if wrong else '')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
