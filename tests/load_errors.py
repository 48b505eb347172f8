#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The errors of loading a module, in the sources and in sdk/load-errors.md.

  load_errors.py messages FILE.c...         prints the messages of the sources, one a line
  load_errors.py compare PAGE.md FILE.c...  prints what only one of the two has; then exits with 1

A message is the format of an ecap_err(), ecap_err_context(), ecap_fail() or ecap_rule_broken(),
with <> for each conversion. The page has an entry for each, which says why it comes and what to do:

  - `<file>: refused: belongs to uid <uid>; chown it`
    - Why: ...
    - Do: ...
"""
import os
import re
import sys

TOKEN = re.compile(r'''
    /\*.*?\*/ | //[^\n]*          # comments
    | "(?:[^"\\\n]|\\.)*"         # strings
    | '(?:[^'\\\n]|\\.)*'
    | [A-Za-z_]\w* | \s+ | .''', re.S | re.X)
CONVERSION = re.compile(r'%%|%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]')
PLACEHOLDER = re.compile(r'<[^<>]+>')
ENTRY = re.compile(r'^- `([^`]+)`\n  - Why: .+?\n  - Do: .+?\n(?=\n|- |\Z)', re.S | re.M)
# Which argument is the format, counted from 0.
CALLS = {'ecap_err': 1, 'ecap_err_context': 1, 'ecap_fail': 2, 'ecap_rule_broken': 1}


def tokens(text):
    return [t for t in TOKEN.findall(text) if not t.isspace() and not t.startswith(('/*', '//'))]


def string_macros(text):
    """Macros that are one string: #define ECAP_MODULE_SYMBOL "ecapture_module_1"."""
    return dict(re.findall(r'^#define\s+(\w+)\s+("(?:[^"\\\n]|\\.)*")\s*(?:/\*.*)?$', text, re.M))


def argument(words, start, index):
    """The tokens of one argument of the call whose '(' is words[start]."""
    depth, arguments = 0, [[]]
    for word in words[start:]:
        depth -= word in ')]}'
        if depth == 0 and word == ')':
            return arguments[index]
        if depth == 1 and word == ',':
            arguments.append([])
        elif depth:
            arguments[-1].append(word)
        depth += word in '([{'
    raise SystemExit('a call without an end')


def join_strings(path, parts, macros):
    text = ''
    for part in parts:
        part = macros.get(part, part)
        if not part.startswith('"'):
            raise SystemExit(f'{path}: the format {" ".join(parts)} is not a plain string: '
                     'nobody could look its text up')
        text += part[1:-1].replace('\\"', '"').replace('\\\\', '\\')
    return text


def messages(path, macros):
    """The messages of a source file, with <> for conversions; relays without words are none."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    macros = macros | string_macros(text)
    words = tokens(text)
    found = []
    for i, word in enumerate(words[:-1]):
        if word not in CALLS or words[i + 1] != '(':
            continue
        parts = argument(words, i + 1, CALLS[word])
        if 'const' in parts:
            continue  # the function itself
        message = join_strings(path, parts, macros)
        message = CONVERSION.sub(lambda m: '%' if m[0] == '%%' else '<>', message)
        if word == 'ecap_err_context':
            message += ': <>'
        if re.search('[A-Za-z]', message):
            found.append(message)
    return found


def sdk_macros():
    """Strings of the SDK's headers, which messages may be made of."""
    macros = {'PRIu64': '"lu"'}  # inttypes.h
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sdk', 'ecapture')
    for directory, _, names in os.walk(top):
        for name in names:
            if name.endswith('.h'):
                with open(os.path.join(directory, name), encoding='utf-8') as file:
                    macros |= string_macros(file.read())
    return macros


def entries(path):
    """The messages of the page, with <> for placeholders, and what is wrong with its entries."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    whole, begun = ([' '.join(m.split()) for m in pattern.findall(text)]
                    for pattern in (ENTRY, re.compile(r'^- `([^`]+)`$', re.M)))
    found = [PLACEHOLDER.sub('<>', m) for m in whole]
    wrong = [f'needs "Why:" and "Do:": {m}' for m in begun if m not in whole]
    wrong += [f'twice in {path}: {m}' for m in sorted(set(found)) if found.count(m) > 1]
    return found, wrong


def compare(page, sources):
    macros = sdk_macros()
    listed, wrong = entries(page)
    said = {}
    for source in sources:
        for message in messages(source, macros):
            said.setdefault(message, source)
    wrong += [f'not in {page}: {m} ({said[m]})' for m in said if m not in listed]
    wrong += [f'in no source: {m}' for m in listed if m not in said]
    return wrong


def main():
    command, *args = sys.argv[1:]
    if command == 'messages':
        macros = sdk_macros()
        print(*(m for path in args for m in messages(path, macros)), sep='\n')
        return 0
    wrong = compare(args[0], args[1:])
    print(*wrong, sep='\n', end='\n' if wrong else '')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
