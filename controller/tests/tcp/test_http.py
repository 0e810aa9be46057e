# SPDX-License-Identifier: Apache-2.0
"""What an HTTP client asks beside GET, and what happens to a content that goes."""

import time
from random import Random

import pytest
from tcplab import Content, Lab, exchange, sha256

from hectograph.core.contents import ContentPhase, ContentSpec
from hectograph.core.flows import FlowPhase
from hectograph.errors import Conflict, InvalidInput, NotFound

HOST = b"Host: test\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", b"200 OK"),
        (b"GET http://example/ HTTP/1.1\r\n" + HOST + b"\r\n", b"200 OK"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200 OK"),
        (b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", b"200 OK"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"\r\n", b"405 Method Not Allowed"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"nonsense\r\n\r\n", b"400 Bad Request"),
    ],
)
def test_answers(lab: Lab, mebibyte: Content, request_bytes: bytes, status: bytes) -> None:
    with lab.faulty(0) as client:
        response = exchange(client.connect(mebibyte.addresses[0]), request_bytes)
    assert response.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert b"\r\nConnection: close\r\n" in response
    assert (len(response) > 1000) == (status == b"200 OK" and not request_bytes.startswith(b"HEAD"))


def test_not_modified(lab: Lab, mebibyte: Content) -> None:
    with lab.faulty(0) as client:
        tag = f'If-None-Match: "{mebibyte.sha256}"'
        done = client.run("curl", "-sSi", "--noproxy", "*", "-H", tag, mebibyte.urls[1])
    assert done.stdout.startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert done.stdout.endswith(b"\r\n\r\n")


def test_request_in_pieces_and_nonsense_behind(lab: Lab, mebibyte: Content) -> None:
    pieces = (b"GE", b"T / HTTP", b"/1.1\r\nHo", b"st: a\r", b"\n\r", b"\nGET /again nonsense\x00")
    with lab.faulty(0) as client:
        response = exchange(client.connect(mebibyte.addresses[1]), *pieces)
    assert sha256(response.partition(b"\r\n\r\n")[2]) == mebibyte.sha256


def test_lists(lab: Lab, large: Content) -> None:
    with lab.faulty(0) as client:
        curl = client.start_curl(large.urls[0])
        client.run("sleep", "0.5")
        flows = lab.ask(lambda pusher: pusher.flows(100))
        states = lab.ask(lambda pusher: pusher.contents())
        assert sha256(curl.communicate(timeout=100)[0]) == large.sha256
    phase = FlowPhase.RESPONSE
    running = [f for f in flows if (f.content, f.phase) == (large.number, phase)]
    assert [flow.key.service for flow in running] == [large.addresses[0]]
    assert 0 < running[0].acked <= running[0].sent <= running[0].length
    (state,) = [state for state in states if state.spec.id == large.number]
    assert (state.phase, state.flows) == (ContentPhase.READY, 1)
    assert (state.file_bytes, state.prepared_bytes) == (12 << 20, state.response_bytes)


def test_changed_file(lab: Lab) -> None:
    """Its download ends with an error, and nothing of the new bytes goes out."""
    data = Random(3).randbytes(12 << 20)
    content = lab.add_content(data)
    with lab.faulty(0) as client:
        curl = client.start_curl(content.urls[0])
        client.run("sleep", "0.4")
        content.path.write_bytes(bytes(12 << 20))
        output, _ = curl.communicate(timeout=100)
        assert curl.returncode != 0
        assert 0 < len(output) < len(data)
        assert output == data[: len(output)]
        done = client.run("curl", "-sSi", "--noproxy", "*", content.urls[0])
        assert done.stdout.startswith(b"HTTP/1.1 404 ")
    (state,) = [s for s in lab.ask(lambda p: p.contents()) if s.spec.id == content.number]
    assert state.phase is ContentPhase.WITHDRAWN
    assert str(content.path) in state.error


@pytest.mark.parametrize("reset", [False, True])
def test_removed(lab: Lab, reset: bool) -> None:
    content = lab.add_content(Random(4).randbytes(4 << 20))
    with lab.faulty(0) as client:
        curl = client.start_curl(content.urls[1])
        client.run("sleep", "0.3")
        state = lab.ask(lambda pusher: pusher.remove_content(content.number, reset=reset))
        assert state.flows == (0 if reset else 1)
        output, _ = curl.communicate(timeout=100)
        assert (curl.returncode == 0) is not reset
        assert (sha256(output) == content.sha256) is not reset
        # As long as the client is there to acknowledge the end of it once more.
        deadline = time.monotonic() + 60
        while any(s.spec.id == content.number for s in lab.ask(lambda p: p.contents())):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with pytest.raises(NotFound, match=f"no content {content.number}"):
        lab.ask(lambda pusher: pusher.remove_content(content.number))
    lab.contents.remove(content)


def test_refused(lab: Lab, mebibyte: Content) -> None:
    def add(spec: ContentSpec) -> None:
        lab.ask(lambda pusher: pusher.add_content(spec))

    with pytest.raises(InvalidInput, match="content 0"):
        add(ContentSpec(0, "/x", "e"))
    with pytest.raises(NotFound, match="/nonexistent"):
        add(ContentSpec(999, "/nonexistent", "e"))
    with pytest.raises(Conflict, match=f"content {mebibyte.number} "):
        add(ContentSpec(mebibyte.number, "/x", "e"))
