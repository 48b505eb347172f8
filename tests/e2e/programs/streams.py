#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TLS on Python's asyncio, which runs OpenSSL on memory BIOs: no session knows its socket.

    streams.py serve                prints "listening PORT"; answers each line with "re:" LINE
    streams.py ask PORT LINE...     a connection for each line, all at once; prints the answers
"""

import asyncio
import os
import ssl
import sys


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(b"re:" + line)
        await writer.drain()
    writer.close()


async def serve():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["E2E_CERT"], os.environ["E2E_KEY"])
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    print(f"server pid={os.getpid()}")
    print(f"listening {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def ask_one(context, port, line):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context,
                                                   server_hostname="localhost")
    writer.write(line.encode() + b"\n")
    reply = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return reply.decode().rstrip()


async def ask(port, *lines):
    context = ssl.create_default_context(cafile=os.environ["E2E_CERT"])
    print(f"client pid={os.getpid()}")
    for reply in await asyncio.gather(*(ask_one(context, int(port), line) for line in lines)):
        print(reply, flush=True)


asyncio.run({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
