# SPDX-License-Identifier: Apache-2.0
"""From a URL into the store: whole and verified, or not at all."""

import asyncio
import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from fakes.waiting import until
from webserver import Server

from hectograph.core.records import FileVersion
from hectograph.errors import HectographError, InvalidInput, LimitExceeded, Unavailable
from hectograph.library import MAX_BYTES, download, fetch, fetching, is_same, store, sweep

BODY = os.urandom(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()

Steps = list[tuple[int, int | None]]


@pytest.fixture(autouse=True)
def _body(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.body = BODY
    monkeypatch.setattr(fetching, "FIRST_PAUSE_SECONDS", 0.001)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*"))


async def get(
    server: Server, directory: Path, sha256: str | None = None, steps: Steps | None = None
) -> FileVersion:
    def progress(done: int, total: int | None) -> None:
        if steps is not None:
            steps.append((done, total))

    return await fetch(server.url, directory, sha256, progress)


async def test_a_url_becomes_a_file_of_its_digests_name(server: Server, tmp_path: Path) -> None:
    steps: Steps = []
    version = await get(server, tmp_path / "store", steps=steps)
    path = tmp_path / "store" / SHA256
    assert (version.path, version.sha256, version.bytes) == (str(path), SHA256, len(BODY))
    assert path.read_bytes() == BODY
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert is_same(version) is None
    assert (steps[0], steps[-1]) == ((0, len(BODY)), (len(BODY), len(BODY)))
    assert names(tmp_path / "store") == [SHA256]


async def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    first = await get(server, tmp_path)
    assert await get(server, tmp_path, SHA256) == first
    assert len(server.requests) == 1
    assert await get(server, tmp_path) == first, "the file in use is not replaced"
    assert len(server.requests) == 2


async def test_what_is_there_and_damaged_is_fetched_again(server: Server, tmp_path: Path) -> None:
    damaged = tmp_path / SHA256
    damaged.write_bytes(BODY[:-1])
    assert (await get(server, tmp_path, SHA256)).bytes == len(BODY)
    assert damaged.read_bytes() == BODY


async def test_no_length_is_no_hindrance(server: Server, tmp_path: Path) -> None:
    server.length = -1
    steps: Steps = []
    assert (await get(server, tmp_path, SHA256, steps)).bytes == len(BODY)
    assert steps[-1] == (len(BODY), None)


async def test_redirects_are_followed_to_an_end(server: Server, tmp_path: Path) -> None:
    server.redirects = 3
    assert (await get(server, tmp_path)).sha256 == SHA256
    server.redirects = 100
    await refused(server, tmp_path / "other", InvalidInput, "redirects")


async def refused(
    server: Server,
    directory: Path,
    kind: type[HectographError],
    said: str,
    sha256: str | None = None,
) -> None:
    """With a line that names the URL; and nothing is left."""
    with pytest.raises(HectographError) as caught:
        await get(server, directory, sha256)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{server.url}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(directory) == []


async def test_another_digest_is_an_error(server: Server, tmp_path: Path) -> None:
    other = "0" * 64
    await refused(server, tmp_path, InvalidInput, f"{SHA256}, not {other}", other)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, InvalidInput), (403, InvalidInput), (204, InvalidInput), (503, Unavailable)],
)
async def test_an_answer_that_is_no_content(
    server: Server, tmp_path: Path, status: int, kind: type[HectographError]
) -> None:
    server.status = status
    server.body = b""
    await refused(server, tmp_path, kind, f"the server answered {status}")


async def test_packed_bytes_are_not_the_content(server: Server, tmp_path: Path) -> None:
    server.headers["Content-Encoding"] = "gzip"
    await refused(server, tmp_path, InvalidInput, "gzip")


async def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^http://127.0.0.1:1/: .*attempts failed"):
        await fetch("http://127.0.0.1:1/", tmp_path, None, lambda _done, _total: None)


async def test_a_password_is_not_repeated(tmp_path: Path) -> None:
    url = "http://user:secret@127.0.0.1:1/"
    with pytest.raises(Unavailable) as caught:
        await fetch(url, tmp_path, None, lambda _done, _total: None)
    assert "secret" not in str(caught.value)


async def test_a_large_content_is_refused_at_once(server: Server, tmp_path: Path) -> None:
    server.length = MAX_BYTES + 1
    await refused(server, tmp_path, LimitExceeded, f"{MAX_BYTES + 1} bytes")
    assert len(server.requests) == 1


async def test_a_large_content_that_hides_its_size(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hectograph.library.version.MAX_BYTES", len(BODY) - 1)
    server.length = -1
    await refused(server, tmp_path, LimitExceeded, f"at most {len(BODY) - 1}")


async def test_a_full_disk_is_said_before(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RESERVE_BYTES", 1 << 62)
    await refused(server, tmp_path, Unavailable, "has room for 0")


async def test_a_disk_that_becomes_full(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_part: store.Part, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.Part, "append", full)
    await refused(server, tmp_path, Unavailable, "No space left on device")


async def test_a_store_that_cannot_be(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot be made"):
        await get(server, tmp_path / "file" / "store")


VALIDATORS: list[dict[str, str]] = [
    {"ETag": '"v1"'},
    {
        "Last-Modified": "Mon, 06 Jul 2026 10:00:00 GMT",
        "Date": "Mon, 06 Jul 2026 10:00:01 GMT",
    },
]


@pytest.mark.parametrize("headers", VALIDATORS, ids=lambda headers: next(iter(headers)))
async def test_a_broken_transfer_goes_on_where_it_broke(
    server: Server, tmp_path: Path, headers: dict[str, str]
) -> None:
    server.headers = headers
    server.breaks = [100_000, 50_000]
    steps: Steps = []
    assert (await get(server, tmp_path, steps=steps)).sha256 == SHA256
    validator = next(iter(headers.values()))
    assert server.requests == [
        (None, None),
        ("bytes=100000-", validator),
        ("bytes=150000-", validator),
    ]
    assert steps == sorted(steps, key=lambda step: step[0])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ETag": 'W/"v1"'},
        {
            "Last-Modified": "Mon, 06 Jul 2026 10:00:00 GMT",
            "Date": "Mon, 06 Jul 2026 10:00:00 GMT",
        },
        {"Last-Modified": "yesterday", "Date": "today"},
    ],
)
async def test_without_a_strong_validator_it_starts_over(
    server: Server, tmp_path: Path, headers: dict[str, str]
) -> None:
    server.headers = headers
    server.breaks = [100_000]
    assert (await get(server, tmp_path)).sha256 == SHA256
    assert server.requests == [(None, None)] * 2


async def test_a_content_that_changed_meanwhile_starts_over(server: Server, tmp_path: Path) -> None:
    server.headers = {"ETag": '"v1"'}
    server.breaks = [100_000]
    server.hold.clear()
    task = asyncio.ensure_future(get(server, tmp_path))
    await until(lambda: bool(server.requests))
    server.headers = {"ETag": '"v2"'}
    server.body = BODY[::-1]
    server.hold.set()
    version = await task
    assert version.sha256 == hashlib.sha256(BODY[::-1]).hexdigest()
    assert server.requests[1] == ("bytes=100000-", '"v1"')


async def test_a_transfer_that_breaks_again_and_again(server: Server, tmp_path: Path) -> None:
    server.breaks = [1000] * 100
    await refused(server, tmp_path, Unavailable, "without sending complete message body")
    assert len(server.requests) == fetching.RESUMPTIONS + 1


async def test_cancelling_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.breaks = [100_000]
    server.hold.clear()
    steps: Steps = []
    task = asyncio.ensure_future(get(server, tmp_path, steps=steps))
    await until(lambda: bool(steps) and steps[-1][0] == 100_000)
    assert len(names(tmp_path)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []


async def test_two_fetches_of_the_same_thing(server: Server, tmp_path: Path) -> None:
    versions: Any = await asyncio.gather(*(get(server, tmp_path) for _ in range(4)))
    assert len(set(versions)) == 1
    assert is_same(versions[0]) is None
    assert names(tmp_path) == [SHA256]


async def test_a_sweep_takes_what_nobody_needs(server: Server, tmp_path: Path) -> None:
    await get(server, tmp_path)
    for name in (f"{store.TEMPORARY}x", "0" * 64, "notes.txt"):
        (tmp_path / name).touch()
    sweep(tmp_path, {SHA256})
    assert names(tmp_path) == sorted([SHA256, "notes.txt"])
    sweep(tmp_path / "nowhere", set())
