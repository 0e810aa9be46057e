# SPDX-License-Identifier: Apache-2.0
"""RFC 9293 and 5961, state by state, by clients that write every segment themselves."""

import itertools
from collections.abc import Iterator
from random import Random

import pytest
from rawclient import GET, RawClient
from tcplab import Content, Lab, sha256

_ports = itertools.count(20000)


@pytest.fixture(scope="module")
def small(lab: Lab) -> Content:
    return lab.add_content(Random(8).randbytes(9000))


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def raw(request: pytest.FixtureRequest, lab: Lab, small: Content) -> Iterator[RawClient]:
    with lab.faulty(0) as client:
        raw = RawClient(client, small, version=request.param, port=next(_ports))
        yield raw
        raw.close()


def assert_whole(raw: RawClient, response: bytes) -> None:
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sha256(body) == raw.content.sha256


# Handshake


def test_syn_again(raw: RawClient) -> None:
    """Before and after the handshake: the same SYN-ACK, and the download does not mind."""
    raw.send("S", options=b"\x02\x04\x05\xb4")
    first = raw.expect()
    raw.connect(options=b"", request=b"")
    assert raw.first == (first.seq + 1) % (1 << 32)
    raw.send("A")
    raw.say(GET)
    initial = raw.expect()
    assert raw.position(initial) == 0
    raw.send("S", ahead=-1 - len(GET), options=b"\x02\x04\x05\xb4")
    answers = [segment for segment in raw.rest() if "S" in segment.flags]
    assert [(answer.seq, answer.ack) for answer in answers] == [(first.seq, first.ack)]
    raw.send("A", position=len(initial.payload))
    assert_whole(raw, raw.download(initial.payload))


def test_data_on_syn(raw: RawClient) -> None:
    """Not taken (nobody gave it a cookie: RFC 7413), so it is sent again."""
    raw.send("S", payload=GET)
    assert raw.expect().ack == raw.seq + 1
    raw.connect()
    assert_whole(raw, raw.download())


def test_handshake_without_its_last_acknowledgement(raw: RawClient) -> None:
    """It was lost: the request says the same."""
    raw.connect()
    response = raw.download()
    assert_whole(raw, response)
    raw.finish(response)


# The request


def test_request_in_pieces_out_of_order_and_twice(raw: RawClient) -> None:
    raw.connect(request=b"")
    raw.send("A")
    raw.send("PA", ahead=10, payload=GET[10:])
    raw.send("PA", payload=GET[:5])
    raw.send("PA", payload=GET[:5])
    raw.send("PA", payload=GET[:10])
    assert all(not segment.payload for segment in raw.rest())
    raw.say(GET)
    response = raw.download()
    assert_whole(raw, response)
    raw.finish(response)


def test_nonsense_behind_the_request(raw: RawClient) -> None:
    """Is acknowledged, and changes nothing."""
    raw.connect(request=GET + b"GET /again HTTP/1.1\r\n\x00\xff")
    raw.say(b"more of it")
    response = raw.download()
    assert_whole(raw, response)
    raw.finish(response)


def test_fin_in_the_request(raw: RawClient) -> None:
    """What is not complete then never will be."""
    raw.connect(request=b"")
    raw.send("A")
    raw.say(b"GET / HT")
    raw.send("FA")
    raw.seq += 1
    response = raw.download()
    assert response.startswith(b"HTTP/1.1 400 ")


# Acknowledgements


def test_old_acknowledgement(raw: RawClient) -> None:
    """Says nothing: nothing is sent for it, and nothing that was acknowledged comes again."""
    raw.connect()
    received = raw.burst()
    raw.send("A", position=len(received))
    following = raw.rest(0.1)
    raw.send("A", position=0)
    raw.send("A", position=128)
    assert all(raw.position(s) >= len(received) for s in following + raw.rest(0.1))
    assert_whole(raw, raw.download(received))


@pytest.mark.parametrize("beyond", [128, 4096, 1 << 20, 1 << 31])
def test_acknowledgement_beyond_what_was_sent(raw: RawClient, beyond: int) -> None:
    """No data for it, at most a word on where we stand; and it goes on from where it is."""
    raw.window = 512
    raw.connect()
    received = raw.burst()
    assert 0 < len(received) <= 512
    raw.send("A", position=len(received) + beyond, window=64240)
    answers = raw.rest(0.1)
    assert all(not answer.payload for answer in answers)
    # Beyond the response's end it is no number of ours, and the switch resets what it is of.
    assert {answer.flags for answer in answers} <= ({"R"} if beyond > 9000 else {"A"})
    raw.window = 64240
    raw.send("A", position=len(received))
    assert_whole(raw, raw.download(received))


# RST


@pytest.mark.parametrize(("ahead", "answered"), [(1, True), (1000, True), (-1, False)])
def test_reset_with_a_wrong_number(raw: RawClient, ahead: int, answered: bool) -> None:
    """RFC 5961, 3.2: inside the window it is asked about, outside it is nothing."""
    raw.window = 512
    raw.connect()
    received = raw.burst()
    raw.send("R", ahead=ahead)
    challenges = [s for s in raw.rest(0.1) if not s.payload and s.ack == raw.seq]
    assert bool(challenges) is answered
    raw.window = 64240
    raw.send("A", position=len(received))
    assert_whole(raw, raw.download(received))


@pytest.mark.parametrize("flags", ["R", "RA"])
def test_reset(lab: Lab, raw: RawClient, flags: str) -> None:
    """With the next number it ends the download: nothing comes any more, nothing again."""
    raw.window = 512
    raw.connect()
    received = raw.burst()
    before = lab.counters()["flows_reset_by_client"]
    raw.send(flags, position=len(received))
    raw.assert_quiet()
    assert lab.counters()["flows_reset_by_client"] == before + 1


def test_reset_by_a_stranger(raw: RawClient) -> None:
    """A blind one, without the right acknowledgement number, in another place each time."""
    raw.window = 512
    raw.connect()
    received = raw.burst()
    dice = Random(9)
    for _ in range(50):
        raw.send("R", ahead=dice.randrange(1 << 20, 1 << 31))
    raw.rest(0.1)
    raw.window = 64240
    raw.send("A", position=len(received))
    assert_whole(raw, raw.download(received))


# FIN


def test_half_close(raw: RawClient) -> None:
    """A client may close its side before the response comes, and gets all of it."""
    raw.connect(request=b"")
    raw.send("FPA", payload=GET)
    raw.seq += len(GET) + 1
    response = raw.download()
    assert_whole(raw, response)
    raw.send("A", position=len(response) + 1)
    raw.assert_quiet()


def test_simultaneous_fin(raw: RawClient) -> None:
    """Its FIN crosses ours and does not acknowledge it: ours comes again until it is."""
    raw.connect()
    response = raw.download()
    raw.send("FA", position=len(response))
    raw.seq += 1
    # What was on its way then does not count.
    answers = [answer for answer in raw.rest() if answer.ack == raw.seq]
    assert answers
    assert any("F" in answer.flags for answer in answers[1:]), answers
    raw.send("A", position=len(response) + 1)
    raw.assert_quiet()


def test_fin_again(raw: RawClient) -> None:
    """The answer was lost: it comes again, even when the flow is forgotten (a second later)."""
    raw.connect()
    response = raw.download()
    raw.finish(response)
    assert raw.rest(1.5) == []
    raw.finish(response)


# Keep-alives and windows


@pytest.mark.parametrize("data", [b"", b"\0"], ids=["empty", "garbage byte"])
def test_keep_alive(raw: RawClient, data: bytes) -> None:
    """RFC 9293, 3.8.4: an old number asks whether we are there."""
    raw.window = 512
    raw.connect()
    received = raw.burst()
    raw.send("A", ahead=-1, position=len(received), window=0, payload=data)
    answers = raw.rest(0.1)
    assert [(a.flags, a.ack, a.payload) for a in answers] == [("A", raw.seq, b"")]
    raw.window = 64240
    raw.send("A", position=len(received))
    assert_whole(raw, raw.download(received))


def test_zero_window(raw: RawClient) -> None:
    """Nothing but probes, each one old byte; an update opens it at once."""
    raw.window = 0
    raw.connect()
    segments = raw.rest(2.0)
    probes = [s for s in segments if s.payload]
    assert probes, "no probe came"
    assert all(raw.position(s) == (1 << 32) - 1 and s.payload == b"\0" for s in probes)
    raw.window = 64240
    raw.send("A")
    assert_whole(raw, raw.download())


def test_never_beyond_the_window(raw: RawClient) -> None:
    """Silly windows, growing and shrinking: what is sent fits, and all of it comes."""
    dice = Random(10)
    raw.window = 700
    raw.connect()
    received, edge, closed = b"", 700, False
    while len(received) < 9000:
        segment = raw.expect()
        end = raw.position(segment) + len(segment.payload)
        assert end <= edge
        if segment.payload and raw.position(segment) == len(received):
            received += segment.payload
            closed = "F" in segment.flags
        raw.window = dice.choice([128, 700, 1500, 3000])
        raw.send("A", position=len(received))
        edge = max(edge, len(received) + raw.window)
    raw.window = 64240
    raw.send("A", position=len(received))
    if not closed:
        received = raw.download(received)
    assert_whole(raw, received)
