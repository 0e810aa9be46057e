# SPDX-License-Identifier: Apache-2.0
"""A client that downloads one content many times; prints how often what became of it.

python many_downloads.py URL COUNT AT_A_TIME SHA256
"""

import asyncio
import errno
import hashlib
import json
import sys
from collections import Counter
from urllib.parse import urlsplit

SECONDS_MAX = 300
CONNECTS, PAUSE_SECONDS = 20, 0.5
BUFFER_BYTES = 1 << 16
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
UNANSWERED = (errno.EHOSTUNREACH, errno.ETIMEDOUT)
AGAIN = "connected again"
"""What a connect counts as that found no switch to answer its ARP, neighbour discovery or
SYNs and is tried again, as curl's --retry does: nothing of a download had begun."""


async def connect(host: str, outcomes: Counter[str]) -> Streams:
    for _ in range(CONNECTS):
        try:
            return await asyncio.open_connection(host, 80, limit=BUFFER_BYTES)
        except OSError as error:
            if error.errno not in UNANSWERED:
                raise
            outcomes[AGAIN] += 1
            await asyncio.sleep(PAUSE_SECONDS)
    raise OSError(errno.EHOSTUNREACH, f"{host}: {CONNECTS} times")


async def download(host: str, sha256: str, outcomes: Counter[str]) -> str:
    reader, writer = await connect(host, outcomes)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 OK\r\n"):
            return head.partition(b"\r\n")[0].decode(errors="replace")
        digest = hashlib.sha256()
        while chunk := await reader.read(BUFFER_BYTES):
            digest.update(chunk)
        return "ok" if digest.hexdigest() == sha256 else "corrupt"
    finally:
        writer.close()


async def run(host: str, count: int, at_a_time: int, sha256: str) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in left:
            try:
                outcome = await asyncio.wait_for(download(host, sha256, outcomes), SECONDS_MAX)
            except (OSError, EOFError, TimeoutError) as error:
                outcome = repr(error)
            outcomes[outcome] += 1

    await asyncio.gather(*(one_after_the_other() for _ in range(at_a_time)))
    return outcomes


def main() -> None:
    url, count, at_a_time, sha256 = sys.argv[1:]
    host = urlsplit(url).hostname or ""
    print(json.dumps(asyncio.run(run(host, int(count), int(at_a_time), sha256))))


if __name__ == "__main__":
    main()
