#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the reference of the SDK from its headers: a page for each, and a list of them.

  reference.py DIR HEADER...

DIR/README.md lists the pages; ecapture/service/elf.h becomes DIR/service-elf.md.
"""
import itertools
import os
import re
import sys
import textwrap

sys.dont_write_bytecode = True
from header import Header  # noqa: E402  (no cache beside the sources, which may be read-only)

OURS = '<ecapture/'
# What goes without saying in the headers.
USUAL = {'struct_size': 'bytes of this struct, as its maker knows it',
         'reserved': 'zero', 'reserved2': 'zero'}
CODE = re.compile(r'''
    `[^`]+` | @\w+ | \b\w+\((?:\.\.\.)?\)             # `as is`, @argument, call()
  | \b(?:ECAP|ecap|BPF|EM|ET|CLOCK|UINT\d+)_\w+\*?      # ECAP_DEST_*
  | \bstruct\ (?=\w*_)\w+ | \b\w+\.\w+(?:/\w+)*\.h\b | \becapture/[\w/]+(?:\.bpf)?\.h\b
  | -E[A-Z]+\b | (?<!\S)--[a-z]+(?:-[a-z]+)*''', re.X)


def page_name(header):
    """ecapture/bpf/emit.bpf.h -> bpf-emit.md"""
    return re.sub(r'(\.bpf)?\.h$', '', header.removeprefix('ecapture/')).replace('/', '-') + '.md'


def inline(text):
    """Words of C as code, and what Markdown would take for its own as itself."""
    made, end = '', 0
    for match in CODE.finditer(text):
        made += re.sub(r'([*<`\\])', r'\\\1', text[end:match.start()])
        made += f'`{match[0].strip("@`")}`'
        end = match.end()
    made += re.sub(r'([*<`\\])', r'\\\1', text[end:])
    return re.sub(r'\[(main|reader|any thread|grows: \w+|fixed|inside|private)\]', r'**[\1]**', made)


def fill(text, first='', then=''):
    return textwrap.fill(text, 100, initial_indent=first, subsequent_indent=then,
                         break_long_words=False, break_on_hyphens=False)


def paragraphs(comment):
    """A comment as Markdown; lines that are indented stay as they are."""
    made = []
    for block in re.split(r'\n\s*\n', comment):
        for table, lines in itertools.groupby(block.split('\n'), lambda line: line.startswith('  ')):
            if table:
                made.append('\n'.join('    ' + line[2:] for line in lines))
            else:
                made.append(fill(inline(' '.join(lines))))
    return [m for m in made if m]


def row(code, comment, value=''):
    """One line of a list: - `uint32_t pid`: what it is"""
    text = f'`{code}`' + (f' = `{value}`' if value else '')
    comment = ' '.join(comment.split())
    return fill(text + (f': {inline(comment)}' if comment else ''), '- ', '  ')


def heading(items):
    names = [item.names[0] for item in items]
    common = os.path.commonprefix(names)
    common = common[:common.rfind('_') + 1]
    if len(names) > 2 and common not in ('', 'ECAP_', 'ecap_'):
        return common + '\\*'
    return ', '.join(names)


def conditions(items):
    found = {item.condition for item in items if item.condition}
    return [f'Only {c}.' for c in sorted(found)]


def macros(group, items):
    made = [f'## {heading(items)}'] + paragraphs(group.comment) + conditions(items)
    return made + ['\n'.join(row(i.text, i.comment, i.value) for i in items)]


def struct(item):
    rows = [row(m.text, m.comment or USUAL.get(m.names[0], '')) for m in item.members]
    return ['\n'.join(rows)]


def other(group, item):
    """Everything but macros: each has a heading of its own."""
    what = {'struct': 'struct ', 'opaque': 'struct '}.get(item.kind, '')
    made = [f'## {what}{item.names[0]}' + {'function': '()', 'map': ' (map)'}.get(item.kind, '')]
    if item.kind in ('function', 'variable') and item.text not in item.names:
        made.append(fill(item.text, '    ', '        '))
    for comment in (group.comment, item.comment):
        made += paragraphs(comment)
    if item.kind == 'opaque':
        made.append('What is in it is the host\'s affair.')
    made += conditions([item])
    return made + (struct(item) if item.kind == 'struct' else [])


def page(name, header):
    made = [f'# {name}'] + paragraphs(header.comment) + [f'    #include <{name}>']
    ours = [i[1:-1] for i in header.includes if i.startswith(OURS)]
    if ours:
        made.append('Includes ' + ', '.join(f'[{i}]({page_name(i)})' for i in ours) + '.')
    for group in header.groups:
        flat = [i for i in group.items if i.kind == 'macro']
        if flat:
            made += macros(group, flat)
        for item in group.items:
            if item.kind != 'macro':
                made += other(group, item)
    return '\n\n'.join(made) + '\n'


def first_sentence(comment):
    text = ' '.join(comment.split())
    return re.match(r'.*?[.:](?= |$)|.*', text)[0].rstrip('.:')


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def main():
    directory, *paths = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    rows = []
    for path in paths:
        name = path[path.rindex('/ecapture/') + 1:]
        header = Header(path)
        write(os.path.join(directory, page_name(name)), page(name, header))
        rows.append(fill(f'[{name}]({page_name(name)}): {inline(first_sentence(header.comment))}',
                         '- ', '  '))
    write(os.path.join(directory, 'README.md'), '\n'.join(
        ['# Reference of the SDK', '', 'Made from the comments of the headers.', ''] + rows) + '\n')


if __name__ == '__main__':
    main()
