#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""grpc_talk.py CERT KEY: a gRPC server and client, one TLS connection that stays. Each line of the
input is a call, which answers it reversed."""
import concurrent.futures
import sys

import grpc


class Reverse(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request[::-1])


cert, key = (open(name, "rb").read() for name in sys.argv[1:])
server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
server.add_generic_rpc_handlers((Reverse(),))
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, cert)]))
server.start()
channel = grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(cert))
call = channel.unary_unary("/test/Reverse")
for line in sys.stdin:
    print(call(line.rstrip("\n").encode()).decode(), flush=True)
