#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small HTTPS pair on Python's ssl module, blocking sockets.

    https.py serve                  prints "listening PORT"; answers each request with "re:" PATH
    https.py get PORT PATH...       all over one connection; prints each answer

Both print "server|client pid=N fd=N local=A peer=A" for a connection. The answers have no date.
"""

import os
import socket
import ssl
import sys
import threading


def describe(who, sock):
    local, peer = ("%s:%d" % sock.getsockname()[:2], "%s:%d" % sock.getpeername()[:2])
    print(f"{who} pid={os.getpid()} fd={sock.fileno()} local={local} peer={peer}", flush=True)


def read_message(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return None, b""
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, value = line.split(b":", 1)
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += sock.recv(65536)
    return head, body


def answer(context, plain):
    with context.wrap_socket(plain, server_side=True) as sock:
        describe("server", sock)
        while True:
            head, _ = read_message(sock)
            if head is None:
                return
            body = b"re:" + head.split()[1]
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def serve():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["E2E_CERT"], os.environ["E2E_KEY"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"listening {listener.getsockname()[1]}", flush=True)
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=answer, args=(context, plain), daemon=True).start()


def get(port, *paths):
    context = ssl.create_default_context(cafile=os.environ["E2E_CERT"])
    plain = socket.create_connection(("127.0.0.1", int(port)))
    with context.wrap_socket(plain, server_hostname="localhost") as sock:
        describe("client", sock)
        for path in paths:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: e2e.test\r\n\r\n".encode())
            _, body = read_message(sock)
            print(body.decode(), flush=True)


{"serve": serve, "get": get}[sys.argv[1]](*sys.argv[2:])
