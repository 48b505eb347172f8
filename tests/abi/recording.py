# SPDX-License-Identifier: Apache-2.0
"""Writes recordings (sdk/recording.md) with records of the test's own."""
import struct
import zlib

CONTEXT, MODULE, MAP, RECORD, END = 1, 2, 3, 5, 7
ANY = 2**64 - 1


def frame(kind, payload):
    """Of the first map, where the kind is of one."""
    head = struct.pack('<HHIIII', kind, 0, 0, len(payload), zlib.crc32(payload), 0)
    return head + struct.pack('<I', zlib.crc32(head)) + payload + bytes(-len(payload) % 8)


def texts(*strings):
    return b''.join(s.encode() + b'\0' for s in strings)


def write(path, module, version, records, features=0):
    """One map, of id 1, and these records."""
    head = b'\x89ECAP\r\n\x1a' + struct.pack('<HH', 1, 0)
    context = struct.pack('<HHIQqIIHHI5Q16sBB6x', 1, 0, 6 << 16, features, 0, 1, 4096, 2, 0, 0,
                          ANY, ANY, ANY, 1 << 16, 0, b'', 0, 0)
    row = struct.pack('<5Q', len(records), 0, 0, 0, 0)
    with open(path, 'wb') as out:
        out.write(head + struct.pack('<I', zlib.crc32(head)))
        out.write(frame(CONTEXT, context))
        out.write(frame(MODULE, texts(module, version, 'test')))
        out.write(frame(MAP, struct.pack('<II', 1, 1) + texts('events')))
        for record in records:
            out.write(frame(RECORD, record))
        out.write(frame(END, struct.pack('<QQII', len(records), 0, 1, len(row)) + row))
