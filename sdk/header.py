# SPDX-License-Identifier: Apache-2.0
"""Reads an SDK header into groups of items with their comments, for reference.py.

It knows the C that these headers are written in, no more: a comment stands above what it is
about, or behind it on the same line; one above several lines without a gap is about them all.
"""
import re

TOKEN = re.compile(r'''
    (?P<comment>/\*(?s:.)*?\*/)
  | (?P<directive>^[ \t]*\#(?:/\*(?s:.)*?\*/|\\\n|[^\n/]|/(?!\*))*)
  | (?P<space>\s+)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<other>.)''', re.X | re.M)
COMMENT = re.compile(r'/\*.*?\*/', re.S)


class Item:
    """A macro, struct, opaque struct, member, function, variable or map."""

    def __init__(self, kind, names, text, comment=''):
        self.kind, self.names, self.text = kind, names, text
        self.comment = comment      # its own; there may be one of its group
        self.condition = ''         # under which it is there
        self.value = ''             # of a macro
        self.members = []           # of a struct
        self.kernel = False         # a struct of the kernel, cut down


class Group:
    """Items without a gap between them, and the comment above the first."""

    def __init__(self, comment):
        self.comment, self.items = comment, []


class Token:
    def __init__(self, match, line):
        self.kind, self.text, self.line = match.lastgroup, match[0], line
        self.start, self.stop = match.span()
        self.end = line + self.text.count('\n')


def tokens(text):
    """Without white space: what matters of it is in the number of the line."""
    found, line = [], 1
    for match in TOKEN.finditer(text):
        if match.lastgroup != 'space':
            found.append(Token(match, line))
        line += match[0].count('\n')
    return found


def plain(comment):
    """The text of a comment without what frames it."""
    lines = comment[2:-2].split('\n')
    return '\n'.join(re.sub(r'^\s*\*? ?', '', line).rstrip() for line in lines).strip()


def split(text):
    """At commas outside of brackets."""
    parts, depth = [''], 0
    for letter in text:
        depth += (letter in '([{') - (letter in ')]}')
        if letter == ',' and not depth:
            parts.append('')
        else:
            parts[-1] += letter
    return parts


def declared(text):
    """The names that a declaration declares: int a, *b[2], (*c)(int d)."""
    names = []
    for part in split(text):
        pointer = re.search(r'\(\*\s*(\w+)\)', part)
        names.append(pointer[1] if pointer else re.findall(r'\w+', re.sub(r'[\[:=].*', '', part))[-1])
    return names


class Header:
    """comment: what the header is for. groups: what it defines."""

    def __init__(self, path):
        with open(path, encoding='utf-8') as file:
            self.text = file.read()
        self.tokens = tokens(self.text)
        self.groups, self.includes, self.conditions = [], [], []
        self.guard = None
        self.end = 0                # line where what was read last ended
        self.comment = plain(self.tokens[1].text) if self.tokens[1].kind == 'comment' else ''
        self.at = 2 if self.comment else 1
        while self.at < len(self.tokens):
            self.read_one()
        self.drop_twins()

    def take(self):
        token = self.tokens[self.at]
        self.at, self.end = self.at + 1, token.end
        return token

    def read_one(self):
        token = self.tokens[self.at]
        if token.kind == 'comment':
            self.groups.append(Group(plain(self.take().text)))
            return
        if token.line > self.end + 1 or not self.groups:
            self.groups.append(Group(''))
        if token.kind == 'directive':
            self.directive(self.take().text)
        else:
            self.declaration()

    def add(self, item):
        item.condition = ' and '.join(c for c in self.conditions if c)
        self.groups[-1].items.append(item)

    def directive(self, text):
        word, rest = re.match(r'\s*#\s*(\w+)\s*(.*)', text, re.S).groups()
        if word in ('if', 'ifdef', 'ifndef'):
            self.conditions.append(self.condition(word, rest.strip()))
        elif word in ('else', 'elif'):
            self.conditions[-1] = ''
        elif word == 'endif':
            self.conditions.pop()
        elif word == 'include':
            self.includes.append(rest.split()[0])
        elif word == 'define':
            self.define(rest)

    def condition(self, word, rest):
        if self.guard is None:
            self.guard = rest
            return ''
        if word == 'ifndef' and rest == '__cplusplus':
            return 'in C'
        return f'with `{rest}` defined' if word == 'ifdef' else ''

    def define(self, rest):
        bare = COMMENT.sub('', rest)
        name, arguments, value = re.match(r'(\w+)(\([^)]*\))?(.*)', bare, re.S).groups()
        if name == self.guard:
            return
        # in one of several lines, comments are about the lines
        comments = COMMENT.findall(rest) if '\\\n' not in rest else []
        item = Item('macro', [name], name + (arguments or ''),
                    plain(comments[-1]) if comments else '')
        item.value = '' if arguments else ' '.join(value.replace('\\\n', ' ').split())
        self.add(item)

    def source(self, found):
        text = COMMENT.sub('', self.text[found[0].start:found[-1].stop])
        return ' '.join(text.split())

    def declaration(self):
        """Up to its ; or, for a function, its }; for the call of a macro, its )."""
        found, depth = [], 0
        call = self.tokens[self.at].text.isupper() and self.tokens[self.at + 1].text == '('
        while True:
            token = self.take()
            if token.kind == 'directive':
                self.directive(token.text)
                continue
            found.append(token)
            if token.kind == 'other':
                depth += (token.text in '([{') - (token.text in ')]}')
            ends = token.text == ';' or (token.text == '}' and found[0].text == 'static')
            if not depth and (ends or (call and token.text == ')')):
                break
        item = self.item(found, call)
        if item:
            item.comment = self.comment_behind()
            self.add(item)

    def comment_behind(self):
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == 'comment' and token.line == self.end:
                return plain(self.take().text)
        return ''

    def item(self, found, call):
        words = [t.text for t in found[:3]]
        if call:                # of a macro that makes a function
            return Item('function', [words[2]], words[2])
        if words[0] == 'struct' and '{' in words:
            return self.struct(found)
        if words[0] == 'struct' and words[2] == ';':
            return Item('opaque', [words[1]], self.source(found[:-1]))
        if words[0] == 'static':
            head = found[1:next(i for i, t in enumerate(found) if t.text in ('{', ';'))]
            if head[0].text in ('inline', '__always_inline'):
                head = head[1:]
            text = self.source(head)
            return Item('function', [re.search(r'(\w+)\(', text)[1]], text)
        if words[0] == 'extern':
            return None         # libc's or the kernel's
        text = self.source(found[:-1]).split(' = ')[0]
        return Item('variable', declared(text), text)

    def struct(self, found):
        first = next(i for i, t in enumerate(found) if t.text == '{')
        last = max(i for i, t in enumerate(found) if t.text == '}')
        behind = [t.text for t in found[last + 1:]]
        if first == 1:
            return Item('map', [behind[0]], behind[0])
        item = Item('struct', [found[1].text], self.source(found[:2]))
        item.kernel = 'ECAP_CORE' in behind
        item.members = self.members(found[first + 1:last])
        return item

    def members(self, found):
        made, above, i, end = [], '', 0, 0
        while i < len(found):
            if found[i].kind == 'comment':
                text = plain(found[i].text)
                if made and found[i].line == end:
                    made[-1].comment = text
                else:
                    above = text
                i += 1
                continue
            last = next(k for k in range(i, len(found)) if found[k].text == ';')
            text = self.source(found[i:last])
            made.append(Item('member', declared(text), text, above))
            above, i, end = '', last + 1, found[last].end
        return made

    def drop_twins(self):
        """What both sides of an #else define is there without a condition, once."""
        first = {}
        for group in self.groups:
            for item in list(group.items):
                twin = first.setdefault((item.kind, item.names[0]), item)
                if twin is not item:
                    twin.condition = ''
                    group.items.remove(item)
        self.groups = [g for g in self.groups if g.items]
