# SPDX-License-Identifier: Apache-2.0
"""Downloads like curl, where there is none: http.client, and what it gets goes to a file.

    python http_receiver.py URL DESCRIPTOR BYTES_PER_SECOND

0 bytes per second are as many as come. Says the response's status.
"""

import os
import sys
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

CHUNK_BYTES = 1 << 16
TIMEOUT_SECONDS = 60


def download(url: str, descriptor: int, bytes_per_second: int) -> int:
    where = urlsplit(url)
    assert where.hostname, url
    connection = HTTPConnection(where.hostname, where.port or 80, timeout=TIMEOUT_SECONDS)
    connection.request("GET", where.path)
    response = connection.getresponse()
    done, begin = 0, time.monotonic()
    while chunk := response.read(CHUNK_BYTES):
        os.write(descriptor, chunk)
        done += len(chunk)
        if bytes_per_second:
            time.sleep(max(0, begin + done / bytes_per_second - time.monotonic()))
    return response.status


if __name__ == "__main__":
    print(download(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
