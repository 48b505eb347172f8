#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Schemas against the option engine, in TAP: what one takes the other takes.

Arguments: the program engine, then NAME=SCHEMA or NAME=SCHEMA:SECTION for each table, where NAME
is what engine wants, and SECTION where the schema is of a whole file.
A document is put to both: as JSON to a validator of JSON Schema, and to the engine as the texts
that a user would type for the same.
"""
import itertools
import json
import random
import subprocess
import sys

from jsonschema import Draft202012Validator

WORDS = ["", " ", "x", "yes", "No", "TRUE", "fAlSe", "on", "OFF", "yess", "y", "0", "1", "2", "00", "01",
         "red", "green", "Red", "red|green", "a b", "$(touch pwned)", "-x", "b ;c", "text", "json",
         "stop", "relative/path", "/", "/dev/null", ".", "..", "...", "eth0", "a:b", "a/b", "a b",
         "a\tb", "123456789012345", "1234567890123456", "über", "-1", "+1", "1 ", " 1", "1.0", "1e3",
         "0x", "0xg", "0x10", "0X1F", "1_000", "K", "1KB", "1kk", "1k", "1K", "4M", "0x4k", "1g", "1n",
         "5ns", "5US", "5ms", "5Ms", "5s", "5m", "5h", "٣", "1\u00a0", "18446744073709551615",
         "18446744073709551616", "0xffffffffffffffff", "0x10000000000000000",
         "99999999999999999999999", "000000000000000000000000007", "16777215g", "17179869183G",
         "17179869184G", "18446744073s", "18446744074s", "307445734m", "307445735m"]
OTHERS = [None, True, False, 0, 1, 2, -1, 1.5, [], ["x"], ["x", "y"], [1], [["x"]], {}, {"a": 1}]
UNITS = ["", "k", "M", "g", "ns", "us", "ms", "s", "m"]


def texts(value, types):
    """What the user would type for a value of an option, once for each use; None: nothing says it.

    A switch may be true or false, a number a number, a list is an array; all else are strings.
    """
    if isinstance(value, list):
        return value if "array" in types and all(isinstance(one, str) for one in value) else None
    if isinstance(value, bool):
        return [str(value).lower()] if "boolean" in types else None
    if isinstance(value, int):
        return [str(value)] if "integer" in types else None
    return [value] if isinstance(value, str) and "array" not in types else None


def near(number):
    return [n for n in range(number - 2, number + 3) if n >= 0]


def numbers(schema, dice):
    """Numbers about the bounds, in every unit, and some at random."""
    low, high = schema.get("minimum", 0), schema.get("maximum", 2**64 - 1)
    bounds = {0, low, high, 2**31, 2**32, 2**63, 2**64}
    for factor in (2**10, 2**20, 2**30, 10**3, 10**6, 10**9, 60 * 10**9):
        for bound in (low, high, low * 10**9, high * 10**9, 2**64):
            bounds |= {bound // factor}
    exact = sorted(set(itertools.chain.from_iterable(near(bound) for bound in bounds)))
    exact += [dice.randrange(0, 2 ** dice.randrange(1, 70)) for _ in range(200)]
    yield from (n for n in exact)
    for n in exact:
        unit = dice.choice(UNITS)
        yield from (f"{n}{unit}", f"{n:#x}{unit}", f"0x{n:X}{unit.upper()}", f"00{n}{unit}")
        for unit in UNITS:
            yield f"{n}{unit}"


def values(schema, dice):
    yield from WORDS
    yield from OTHERS
    yield from schema.get("enum", [])
    if "default" in schema:
        yield schema["default"]
    if "integer" in schema["type"]:
        yield from numbers(schema, dice)


class Table:
    def __init__(self, engine, name, path, section):
        with open(path, encoding="utf-8") as file:
            self.whole = json.load(file)
        Draft202012Validator.check_schema(self.whole)
        self.engine, self.name, self.section = engine, name, section
        self.validator = Draft202012Validator(self.whole)
        self.schema = self.whole["properties"][section] if section else self.whole
        self.properties = self.schema["properties"]
        self.title = f"{section or self.schema['title'].split()[0]}{' of a file' if section else ''}"
        # What a document must have in any case, so that one property decides at a time.
        self.base = {}
        for rule in [self.schema, *self.schema.get("allOf", [])]:
            for part in [rule, *rule.get("then", {}).get("allOf", [])]:
                keys = part.get("required", part.get("anyOf", [{}])[0].get("required", []))
                self.base.update({key: "x" for key in keys})

    def resolve(self, schema):
        while "$ref" in schema:
            path = schema["$ref"].split("/")[1:]
            schema = self.whole
            for step in path:
                schema = schema[step]
        return schema

    def lines(self, document):
        """The lines of a section that say the same as the document; None when there are none."""
        lines = []
        for key, value in document.items():
            values = texts(value, self.resolve(self.properties.get(key, {})).get("type", "string"))
            if values is None:
                return None
            lines += [[key, text] for text in values]
        return lines

    def ask_engine(self, documents):
        lines = [self.lines(document) for document in documents]
        said = subprocess.run([self.engine, self.name] + ["file"] * bool(self.section), check=True, text=True, encoding="utf-8",
                              input="".join(json.dumps(line) + "\n" for line in lines if line is not None),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
        answers = iter(said)
        return [next(answers) if line is not None else "no text says this" for line in lines]

    def compare(self, documents):
        """How many both take, and the documents that they do not agree on."""
        taken, offences = 0, []
        for document, said in zip(documents, self.ask_engine(documents)):
            valid = self.validator.is_valid({self.section: document} if self.section else document)
            taken += valid
            if valid != (said == "ok"):
                offences.append(f"{json.dumps(document)}: schema {valid}, engine: {said}")
        return taken, offences

    def documents(self, key, dice):
        schema = self.resolve(self.properties[key])
        base = {k: v for k, v in self.base.items() if self.resolve(self.properties[k]) is not schema}
        return [{**base, key: value} for value in values(schema, dice)]

    def combinations(self):
        """Several keys at once, none, unknown ones, both spellings of one."""
        base = self.base
        defaults = {k: v["default"] for k, v in self.properties.items() if "default" in v}
        for enabled in ({}, {"enabled": True}, {"enabled": "No"}, {"enabled": "ON"}, {"enabled": "1"}):
            yield enabled
            yield {**base, **enabled}
        yield {**base, **defaults}
        yield {**base, "no-such-key": "x"}
        for flag in ("config", "help"):
            yield {**base, flag: "/dev/null"}
        for one, other in itertools.permutations(self.properties, 2):
            if self.properties[other].get("$ref", "").endswith("/" + one):
                value = defaults.get(one, "/sys/fs/cgroup")
                rest = {k: v for k, v in base.items() if k not in (one, other)}
                yield {**rest, one: value}
                yield {**rest, other: value}
                yield {**rest, one: value, other: value}


def excused(offence):
    """What no schema can say: whether a file is there."""
    return "schema True" in offence and "No such file or directory" in offence


def main():
    engine, *tables = sys.argv[1:]
    n = 0
    for argument in tables:
        name, _, path = argument.rpartition("=")
        table = Table(engine, name, *path.partition(":")[::2])
        tests = [(key, table.documents(key, random.Random(key))) for key in table.properties]
        tests.append(("all together", list(table.combinations())))
        for key, documents in tests:
            n += 1
            taken, offences = table.compare(documents)
            offences = [offence for offence in offences if not excused(offence)]
            ok = not offences and 0 < taken < len(documents)
            print(f"{'' if ok else 'not '}ok {n} - {table.title}: {key}: {taken} of {len(documents)} taken")
            for offence in offences[:10]:
                print("#", offence)
    print(f"1..{n}")


if __name__ == "__main__":
    main()
