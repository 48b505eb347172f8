#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Answers the tests' questions about a file of events in JSON lines.

    events.py FILE COMMAND [ARGUMENT...] [KEY=VALUE...]

Every line of the file is checked against what an event may be, whatever the question: a
malformed one ends the program with its number. KEY=VALUE keeps only events with that value
(pid=, direction=, comm=, src=, ...); text=T keeps the connections that carry T, either way.

    count TEXT       how often TEXT occurs in the bytes of all streams
    each LIST        each line of the file LIST must occur exactly once; prints those that do not
    counts LIST      of each line "TEXT KEY=VALUE..." of the file LIST, how often TEXT occurs
    streams          one line a stream: what it is, how many calls and bytes, their SHA-256
    tunnel ID        of the calls that carry no ID: how many bytes, their SHA-256, for each stream
    numbers PREFIX   for tests/e2e/programs/load.c: of each stream, connection, first and last
                     number; numbers that are missing or come twice are an error
    canonical ID     one line a call: direction, length, SHA-256; sorted, the run's own parts
                     (ID, dates) replaced, so that two runs can be compared
    canonical-bytes ID, canonical-h2 ID
                     the same by stream, or by HTTP/2 frame, where calls depend on timing

    commands         of the bash module: one line a command, as JSON: [uid, status, command]

A stream is what one process sent, or received, on one connection. A call's bytes may come in
several records; they are put together, and must be whole and in order.
"""

import base64
import collections
import hashlib
import json
import re
import sys

KEYS = {
    "time": str, "module": str, "kind": str, "pid": int, "tid": int, "uid": int, "comm": str,
    "direction": str, "fd": int, "src": str, "dst": str, "conn": int, "len": int,
    "offset": int, "total": int, "payload": str, "payload_base64": str,
}
REQUIRED = {"time", "module", "kind", "pid", "tid", "uid", "comm", "direction", "conn", "len"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)\Z")
ADDRESS = re.compile(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):\d+\Z")


class Malformed(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Malformed(what)


def no_duplicates(pairs):
    need(len(dict(pairs)) == len(pairs), "a key comes twice")
    return dict(pairs)


def payload_of(event):
    need(("payload" in event) != ("payload_base64" in event), "not one payload")
    if "payload" in event:
        data = event["payload"].encode("utf-8", "surrogatepass")
    else:
        data = base64.b64decode(event["payload_base64"], validate=True)
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            need(False, "base64 where the bytes are UTF-8")
    need(event["len"] == len(data), f"len {event['len']} and {len(data)} bytes")
    return data


def check_command(event):
    keys = {"time", "module", "kind", "pid", "tid", "uid", "comm", "command"}
    need(keys <= set(event) <= keys | {"status"}, f"keys {sorted(event)}")
    need(event["module"] == "bash" and event["kind"] == "command", "module or kind")
    need(TIME.match(event["time"]), "time")
    need(type(event.get("status", 0)) is int, "status")


def check(event):
    for key, value in event.items():
        need(key in KEYS, f"unknown key {key}")
        need(type(value) is KEYS[key], f"{key} is a {type(value).__name__}")
    need(REQUIRED <= set(event), f"without {sorted(REQUIRED - set(event))}")
    need(event["module"] == "openssl" and event["kind"] == "data", "module or kind")
    need(event["direction"] in ("send", "recv"), "direction")
    need(TIME.match(event["time"]), "time")
    need(event.get("fd", 0) >= 0, "fd")
    need(("src" in event) == ("dst" in event), "one address without the other")
    for key in "src", "dst":
        need(ADDRESS.match(event.get(key, "0.0.0.0:0")), key)
    need(("offset" in event) == ("total" in event), "one of offset and total")


def read_events(path, check_event=check, payload=payload_of):
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                need(line.endswith(b"\n"), "the last line is cut")
                event = json.loads(line.decode("utf-8"), object_pairs_hook=no_duplicates)
                check_event(event)
                event["data"] = payload(event)
            except (Malformed, ValueError) as err:
                sys.exit(f"{path}:{number}: {err}: {line[:300]!r}")
            event["line"] = number
            yield event


class Call:
    """What one SSL_write, SSL_read or the like moved."""

    def __init__(self, event):
        self.event = event
        self.parts = []
        self.total = event.get("total", event["len"])
        self.have = 0

    def add(self, event):
        if event.get("offset", 0) != self.have or event.get("total", event["len"]) != self.total:
            sys.exit(f"line {event['line']}: offset {event.get('offset')} of {event.get('total')}"
                     f" where {self.have} of {self.total} comes next")
        if event["len"] > 65536:
            sys.exit(f"line {event['line']}: a record of {event['len']} bytes")
        self.parts.append(event["data"])
        self.have += event["len"]
        if self.have > self.total:
            sys.exit(f"line {event['line']}: more than the {self.total} bytes of the call")

    def whole(self):
        return self.have == self.total

    def bytes(self):
        return b"".join(self.parts)


def read_calls(path):
    calls, open_calls = [], {}
    for event in read_events(path):
        key = event["pid"], event["tid"], event["conn"], event["direction"]
        call = open_calls.get(key)
        if call is None:
            call = open_calls[key] = Call(event)
            calls.append(call)
        call.add(event)
        if call.whole():
            del open_calls[key]
    for call in open_calls.values():
        sys.exit(f"line {call.event['line']}: {call.have} of the call's {call.total} bytes came")
    return calls


def connection(call):
    return call.event["pid"], call.event["conn"]


def streams_of(calls):
    streams = collections.OrderedDict()
    for call in calls:
        streams.setdefault(connection(call) + (call.event["direction"],), []).append(call)
    return streams


def bytes_of(calls):
    return b"".join(call.bytes() for call in calls)


def select(calls, filters):
    text = filters.pop("text", None)
    for key, value in filters.items():
        calls = [call for call in calls if str(call.event.get(key)) == value]
    if text is not None:
        carry = {key[:2] for key, stream in streams_of(calls).items()
                 if text.encode() in bytes_of(stream)}
        calls = [call for call in calls if connection(call) in carry]
    return calls


def count(calls, text):
    print(sum(bytes_of(stream).count(text.encode()) for stream in streams_of(calls).values()))


def each(calls, path):
    everything = b"\0".join(bytes_of(stream) for stream in streams_of(calls).values())
    with open(path, "rb") as file:
        wanted = file.read().split()
    need(wanted, f"{path} is empty")
    wrong = 0
    for text in wanted:
        n = everything.count(text)
        if n != 1:
            wrong += 1
            print(f"{text.decode()}: {n} times")
    sys.exit(1 if wrong else 0)


def counts(calls, path):
    with open(path, encoding="ascii") as file:
        for line in file:
            text, *filters = line.split()
            count(select(calls, dict(word.split("=", 1) for word in filters)), text)


def streams(calls):
    for (pid, conn, direction), stream in streams_of(calls).items():
        data = bytes_of(stream)
        ends = {tuple(str(call.event.get(key)) for key in ("fd", "src", "dst")) for call in stream}
        if len(ends) != 1:
            sys.exit(f"pid {pid}, connection {conn}, {direction}: several ends: {sorted(ends)}")
        fd, src, dst = ends.pop()
        print(f"pid={pid} conn={conn} direction={direction} fd={fd} src={src} dst={dst} "
              f"calls={len(stream)} bytes={len(data)} sha256={hashlib.sha256(data).hexdigest()}")


def tunnel(calls, ident):
    """Of streams with several calls: bytes and SHA-256 of the calls that do not carry ident."""
    for stream in streams_of(calls).values():
        inner = b"".join(call.bytes() for call in stream if ident.encode() not in call.bytes())
        if inner:
            print(len(inner), hashlib.sha256(inner).hexdigest())


def numbers(calls, prefix):
    pattern = re.compile(re.escape(prefix.encode()) + rb"-l(\d+)-(\d+) ")
    for (pid, conn, direction), stream in streams_of(calls).items():
        found = pattern.findall(bytes_of(stream))
        if not found:
            continue
        if len({c for c, _ in found}) != 1:
            sys.exit(f"pid {pid}, connection {conn}: two programs' connections in one")
        got = [int(n) for _, n in found]
        for expected, n in enumerate(got, got[0]):
            if n != expected:
                sys.exit(f"pid {pid}, {direction}: message {n} of connection {int(found[0][0])} "
                         f"where {expected} comes next, of {got[0]} to {got[-1]}")
        print(f"pid={pid} direction={direction} connection={int(found[0][0])} "
              f"first={got[0]} last={got[-1]}")


def neutral(data, ident):
    data = data.replace(ident.encode(), b"<ID>")
    return re.sub(rb"(?i)(\r\n(date|last-modified|etag): )[^\r]*", rb"\1<>", data)


def print_sorted(rows):
    for direction, data in sorted(rows):
        print(f"{direction} {len(data)} {hashlib.sha256(data).hexdigest()} {data[:40]!r}")


def canonical(calls, ident):
    print_sorted((call.event["direction"], neutral(call.bytes(), ident)) for call in calls)


def canonical_bytes(calls, ident):
    print_sorted((key[2], neutral(bytes_of(stream), ident))
                 for key, stream in streams_of(calls).items())


def h2_frames(data):
    """Frames of RFC 9113, section 4.1; a HEADERS frame's block is left out: it holds a date."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    if data.startswith(preface):
        yield preface
        data = data[len(preface):]
    while data:
        length, kind = int.from_bytes(data[:3], "big"), data[3]
        need(len(data) >= 9 + length, "a frame is cut")
        yield data[3:9] + (b"" if kind == 1 else data[9:9 + length])
        data = data[9 + length:]


def canonical_h2(calls, ident):
    print_sorted((key[2], neutral(frame, ident)) for key, stream in streams_of(calls).items()
                 for frame in h2_frames(bytes_of(stream)))


def commands(path, filters):
    for event in read_events(path, check_command, lambda event: event["command"]):
        if all(str(event.get(key)) == value for key, value in filters.items()):
            print(json.dumps([event["uid"], event.get("status"), event["command"]]))


COMMANDS = {
    "count": count, "each": each, "counts": counts, "streams": streams, "numbers": numbers,
    "tunnel": tunnel,
    "canonical": canonical, "canonical-bytes": canonical_bytes, "canonical-h2": canonical_h2,
}


def main():
    path, command, *rest = sys.argv[1:]
    positional = [word for word in rest if "=" not in word]
    filters = dict(word.split("=", 1) for word in rest if "=" in word)
    if command == "commands":
        commands(path, filters)
        return
    try:
        COMMANDS[command](select(read_calls(path), filters), *positional)
    except Malformed as err:
        sys.exit(str(err))


main()
