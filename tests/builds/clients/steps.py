# SPDX-License-Identifier: Apache-2.0
"""What every client does: PORT CERT; says that its library is loaded, waits to be told, connects twice."""
import sys


def take(connect):
    port, cert = int(sys.argv[1]), sys.argv[2]
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(2):
        connect(port, cert)
