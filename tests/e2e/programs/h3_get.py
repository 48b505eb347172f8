#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""h3_get.py URL BODY: posts BODY by HTTP/3 with curl_cffi (BoringSSL and ngtcp2), prints the answer."""
import sys

import curl_cffi

answer = curl_cffi.post(sys.argv[1], data=sys.argv[2].encode(), verify=False,
                        http_version=curl_cffi.CurlHttpVersion.V3ONLY)
print(answer.status_code, answer.text)
