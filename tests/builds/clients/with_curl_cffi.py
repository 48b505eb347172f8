# SPDX-License-Identifier: Apache-2.0
"""curl_cffi: BoringSSL."""
import steps

from curl_cffi import requests


def connect(port, cert):
    assert requests.get(f"https://127.0.0.1:{port}/", verify=False).text == "hi\n"


steps.take(connect)
