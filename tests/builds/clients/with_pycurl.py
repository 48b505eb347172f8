# SPDX-License-Identifier: Apache-2.0
"""pycurl: OpenSSL in files of its own."""
import io

import steps

import pycurl


def connect(port, cert):
    body = io.BytesIO()
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"https://127.0.0.1:{port}/")
    curl.setopt(pycurl.CAINFO, cert)
    curl.setopt(pycurl.WRITEDATA, body)
    curl.perform()
    curl.close()
    assert body.getvalue() == b"hi\n"


steps.take(connect)
