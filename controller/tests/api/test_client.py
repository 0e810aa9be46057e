# SPDX-License-Identifier: Apache-2.0
"""The client: what comes back from a controller, and from what is none."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from hectograph.api.client import Client
from hectograph.errors import HectographError, InvalidInput, NotFound, Unavailable


class Handler(BaseHTTPRequestHandler):
    status: ClassVar[int]
    content_type: ClassVar[str]
    body: ClassVar[bytes]
    seen: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.send_header("Content-Type", self.content_type)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


PROBLEM = b"""{"type": "urn:hectograph:problem:not-found", "title": "Not Found", "status": 404,
"detail": "there is none", "instance": "/x", "where": "group g"}"""
NEWER = PROBLEM.replace(b"not-found", b"from-the-future")


@pytest.mark.parametrize(
    ("status", "content_type", "body", "kind", "said"),
    [
        (404, "application/problem+json", PROBLEM, NotFound, "group g: there is none"),
        (404, "application/problem+json", NEWER, HectographError, "Not Found: there is none"),
        (500, "application/problem+json", b"{}", Unavailable, "answered 500 with nonsense"),
        (502, "text/html", b"<html>", Unavailable, "answered 502: not a controller?"),
        (200, "text/html", b"<html>", Unavailable, "answered 200 with nonsense"),
        (200, "application/json", b'{"items": [1]}', Unavailable, "answered 200 with nonsense"),
        (200, "application/json", b"[]", Unavailable, "answered 200 with nonsense"),
    ],
)
def test_what_an_answer_means(
    server: str,
    status: int,
    content_type: str,
    body: bytes,
    kind: type[HectographError],
    said: str,
) -> None:
    Handler.status, Handler.content_type, Handler.body = status, content_type, body
    with Client(server) as client, pytest.raises(HectographError, match=said) as caught:
        client.groups.list()
    assert type(caught.value) is kind


def test_the_token_is_sent(server: str) -> None:
    Handler.status, Handler.content_type = 200, "application/json"
    Handler.body = b'{"items": []}'
    with Client(server, "correct-horse-battery") as client:
        assert client.groups.list() == []
    assert Handler.seen[-1] == "Bearer correct-horse-battery"


@pytest.mark.parametrize("server", ["", "x", "ftp://x", "http://", "http://a:b"])
def test_an_address_that_is_none(server: str) -> None:
    with pytest.raises(InvalidInput):
        Client(server)


def test_a_token_that_no_header_can_carry() -> None:
    with pytest.raises(InvalidInput, match="token"):
        Client("http://127.0.0.1", "schl\u00fcssel")
