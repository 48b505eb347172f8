#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""h3_serve.py CERT KEY: HTTP/3 on a free port of 127.0.0.1, which it prints. Each request is answered
by "re:" and its path. With aioquic, whose TLS is Python: no library that could be probed."""
import asyncio
import sys

from aioquic.asyncio import serve
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated


class Answers(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = None
        self.paths = {}

    def answer(self, event):
        if isinstance(event, HeadersReceived):
            self.paths[event.stream_id] = dict(event.headers)[b":path"]
        if isinstance(event, (HeadersReceived, DataReceived)) and event.stream_ended:
            body = b"re:" + self.paths[event.stream_id]
            self.http.send_headers(event.stream_id, [(b":status", b"200")])
            self.http.send_data(event.stream_id, body, end_stream=True)
            self.transmit()

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        for each in self.http.handle_event(event) if self.http else ():
            self.answer(each)


async def main(cert, key):
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(cert, key)
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Answers)
    print(server._transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Future()


asyncio.run(main(*sys.argv[1:]))
