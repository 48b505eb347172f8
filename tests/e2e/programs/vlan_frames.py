#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""vlan_frames.py INTERFACE FROM TO: sends frames of Ethernet from host number FROM to number TO, with
no VLAN tag, with one, and with two. Checksums are 0: it is for those who watch."""
import socket
import struct
import sys

TAGS = [[], [(0x8100, 100)], [(0x8100, 100), (0x8100, 200)], [(0x88a8, 300)], [(0x8100, 0xa064)]]


def frame(tags, sender, receiver, protocol, port):
    """A datagram or the begin of a connection, behind the tags."""
    if protocol == socket.IPPROTO_UDP:
        inner = struct.pack(">HHHH5s", 9000, port, 13, 0, b"hello")
    else:
        inner = struct.pack(">HHIIBBHHH", 9000, port, 1, 0, 0x50, 2, 1000, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(inner), port, 0, 64, protocol, 0,
                     bytes([10, 77, len(tags), sender]), bytes([10, 77, len(tags), receiver]))
    ethernet = bytes([2, 0, 0, 0, 0, receiver, 2, 0, 0, 0, 0, sender])
    for kind, tci in tags:
        ethernet += struct.pack(">HH", kind, tci)
    return ethernet + struct.pack(">H", 0x800) + ip + inner


def main():
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((sys.argv[1], 0))
    for tags in TAGS:
        for protocol, port in ((17, 9001), (17, 9002), (6, 9003)):
            wire.send(frame(tags, int(sys.argv[2]), int(sys.argv[3]), protocol, port))


main()
