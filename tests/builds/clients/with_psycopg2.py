# SPDX-License-Identifier: Apache-2.0
"""psycopg2-binary: the server ends the session as soon as it is encrypted."""
import steps

import psycopg2


def connect(port, cert):
    try:
        psycopg2.connect(host="127.0.0.1", port=port, user="u", dbname="d", sslmode="verify-ca",
                         sslrootcert=cert, gssencmode="disable")
    except psycopg2.OperationalError as error:
        assert "nothing to see" in str(error), error
    else:
        raise AssertionError("the server let us in")


steps.take(connect)
