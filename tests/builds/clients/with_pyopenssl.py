# SPDX-License-Identifier: Apache-2.0
"""The OpenSSL inside of cryptography's Rust module, which pyOpenSSL connects with."""
import socket

import steps

from OpenSSL import SSL


def connect(port, cert):
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(cert)
    context.set_verify(SSL.VERIFY_PEER)
    tls = SSL.Connection(context, socket.create_connection(("127.0.0.1", port)))
    tls.set_connect_state()
    tls.do_handshake()
    tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert tls.recv(4096).startswith(b"HTTP/1.1 200")
    tls.close()


steps.take(connect)
