# SPDX-License-Identifier: Apache-2.0
"""grpcio: BoringSSL without symbols. A channel is ready once the server has sent its settings."""
import steps

import grpc


def connect(port, cert):
    with open(cert, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    # A pool of its own, or the second channel would use the first one's connection.
    with grpc.secure_channel(f"localhost:{port}", credentials,
                             [("grpc.use_local_subchannel_pool", 1)]) as channel:
        grpc.channel_ready_future(channel).result(timeout=20)


steps.take(connect)
