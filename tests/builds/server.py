#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TLS server that writes its own key log, the judge of ours.

server.py CERT KEY KEYLOG [http|postgres|h2]: prints the port, then serves on the loopback until its
standard input ends: TLS 1.2 to the first connection, 1.3 to the second, and so on in turns.
"""
import socket
import ssl
import sys
import threading

SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"  # PostgreSQL protocol, SSLRequest: 80877103
# PostgreSQL protocol, ErrorResponse: severity, code, message.
SORRY = b"SFATAL\0C28000\0Mnothing to see\0\0"
H2_SETTINGS = bytes(3) + b"\x04" + bytes(5)  # RFC 9113, 6.5: none


def drain(tls):
    """Until the client has closed: to close with something unread would reset the connection, and
    what was sent last might be lost."""
    while tls.recv(4096):
        pass


def serve_http(tls):
    request = b""
    while b"\r\n\r\n" not in request:
        got = tls.recv(4096)
        if not got:
            return
        request += got
    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n")
    drain(tls)


def serve_postgres(tls):
    tls.recv(4096)
    tls.sendall(b"E" + (len(SORRY) + 4).to_bytes(4, "big") + SORRY)
    drain(tls)


def serve_h2(tls):
    tls.sendall(H2_SETTINGS)
    drain(tls)


def context(cert, key, keylog, version, protocol):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(cert, key)
    c.minimum_version = c.maximum_version = version
    c.keylog_filename = keylog
    if protocol == "h2":
        c.set_alpn_protocols(["h2"])
    return c


def one(sock, tls_context, protocol):
    with sock:
        sock.settimeout(20)
        if protocol == "postgres" and sock.recv(8) == SSL_REQUEST:
            sock.sendall(b"S")
        try:
            with tls_context.wrap_socket(sock, server_side=True) as tls:
                globals()["serve_" + protocol](tls)
        except OSError as error:
            print(error, file=sys.stderr)


def accept(listener, contexts, protocol):
    n = 0
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=one, args=(sock, contexts[n % 2], protocol), daemon=True).start()
        n += 1


def main(cert, key, keylog, protocol="http"):
    contexts = [context(cert, key, keylog, version, protocol)
                for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, contexts, protocol), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


main(*sys.argv[1:])
