#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One line for each packet of a pcap or pcapng file: its length and the SHA-256 of its bytes, sorted."""

import hashlib
import struct
import sys


def of_pcap(data):
    """draft-ietf-opsawg-pcap: 24 bytes, then 16 before each packet."""
    at = 24
    while at < len(data):
        captured, length = struct.unpack_from("<8xII", data, at)
        at += 16 + captured
        yield length, data[at - captured:at]


def of_pcapng(data):
    """draft-ietf-opsawg-pcapng, 4.3: the Enhanced Packet Block, type 6."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 6:
            captured, length = struct.unpack_from("<II", data, at + 20)
            yield length, data[at + 28:at + 28 + captured]
        at += size


with open(sys.argv[1], "rb") as file:
    content = file.read()
formats = {0xA1B2C3D4: of_pcap, 0xA1B23C4D: of_pcap, 0x0A0D0D0A: of_pcapng}
lines = []
for length_, packet in formats[struct.unpack_from("<I", content)[0]](content):
    assert len(packet) == length_, "a packet is cut"
    lines.append(f"{length_} {hashlib.sha256(packet).hexdigest()}")
print("\n".join(sorted(lines)))
