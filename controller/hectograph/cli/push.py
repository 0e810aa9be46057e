# SPDX-License-Identifier: Apache-2.0
"""``hectograph push``: a file, standard input or a UDP socket to a group, with a progress bar."""

from __future__ import annotations

import re
import secrets
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli.feed import Feed, standard_input
from hectograph.cli.output import print_json
from hectograph.cli.patience import looks
from hectograph.cli.progress import Step, progress
from hectograph.cli.remote import Host, Json, build, connect, only
from hectograph.cli.sources import check_scheme, file_source, udp_source
from hectograph.cli.units import bytes_text, parse_rate, rate_text
from hectograph.errors import Conflict, HectographError, InvalidInput, NotFound

if TYPE_CHECKING:
    from hectograph.api.client import Client
    from hectograph.api.models import FileSource, StreamSpec, UdpSource
    from hectograph.api.views import Stream

DEFAULT_BITS_PER_SECOND = 100_000_000


def push(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE|-|udp://[INTERFACE@]ADDRESS:PORT", help="What to push.")
    ],
    group: Annotated[str, typer.Option(help="Who gets the copies.")],
    rate: Annotated[
        str | None, typer.Option(help="Payload bits per second, like 100M.", show_default="100M")
    ] = None,
    pps: Annotated[int | None, typer.Option(help="Pushes per second, instead of --rate.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start over until stopped.")] = False,
    segment_bytes: Annotated[
        int | None,
        typer.Option(help="Payload of a push.", show_default="what every link carries"),
    ] = None,
    content: Annotated[int, typer.Option(help="The push header's content.")] = 0,
    host: Host = None,
    name: Annotated[str | None, typer.Option(help="The stream's.", show_default="made up")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once; the stream goes on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Push a source to a group until it is done; Ctrl-C stops it."""
    from hectograph.api.models import Rate, StreamSpec

    if rate is not None and pps is not None:
        raise InvalidInput("cannot go with --rate", where="--pps")
    if detach and source == "-":
        raise InvalidInput("standard input ends with this command", where="--detach")
    bits = parse_rate(rate) if rate else None if pps else DEFAULT_BITS_PER_SECOND
    # So that a SIGTERM stops the stream as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        client = stack.enter_context(connect(context))
        feed = stack.enter_context(standard_input()) if source == "-" else None
        spec = build(
            StreamSpec,
            host=host or only("host", client.hosts.list()),
            group=group,
            source=_source(feed, source),
            rate=build(Rate, bits_per_second=bits, packets_per_second=pps),
            segment_bytes=segment_bytes,
            content=content,
            loop=loop,
        )
        stream = _start(client, name or _made_up(source), spec)
        if not detach:
            stack.callback(_stop, client, stream.name)
            stream = _follow(client, stream.name, feed)
    if as_json:
        print_json(stream)
    else:
        typer.echo(_summary(stream))


def _source(feed: Feed | None, text: str) -> FileSource | UdpSource:
    if feed is not None:
        return file_source(str(feed.path))
    check_scheme(text, "udp")
    return udp_source(text) if text.startswith("udp://") else file_source(text)


def _made_up(source: str) -> str:
    """A name that says what it is and is nobody else's."""
    words = re.sub(r"[^a-z0-9]+", "-", Path(source).name.lower()).strip("-")[:40].strip("-")
    return f"{words or 'stdin'}-{secrets.token_hex(3)}"


def _start(client: Client, name: str, spec: StreamSpec) -> Stream:
    """Anew, where one of that name is over: putting it again would change nothing."""
    with suppress(NotFound):
        if client.streams.get(name).status.state in ("waiting", "running"):
            raise Conflict(f"runs already; `hectograph streams rm {name}` stops it", where=name)
        client.streams.delete(name)
    return client.streams.put(name, spec)


def _stop(client: Client, name: str) -> None:
    with suppress(NotFound):
        client.streams.delete(name)


def _follow(client: Client, name: str, feed: Feed | None) -> Stream:
    """Until it is done."""
    dropped = _Dropped(client)
    with progress(name) as show:
        for stream in looks(lambda: client.streams.get(name)):
            show(_step(stream, dropped.reason(stream)))
            if stream.status.state == "done":
                return stream
            if stream.status.state == "failed":
                raise HectographError(stream.status.error or "failed", where=f"stream {name}")
            if feed is not None:
                feed.check()
    raise AssertionError("looks() never ends")


class _Dropped:
    """Datagrams of a stream that went nowhere, as its host counts them since we look."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._before: int | None = None

    def reason(self, stream: Stream) -> str | None:
        if stream.source.kind != "udp":
            return None
        now = self._client.hosts.get(stream.host).status.counters.source_dropped
        if self._before is None:
            self._before = now
        count, segment = now - self._before, stream.status.segment_bytes
        if count <= 0:
            return None
        return f"{count} datagrams dropped: empty, or longer than a segment of {segment} bytes"


def _step(stream: Stream, dropped: str | None) -> Step:
    status = stream.status
    rate = rate_text(status.bits_per_second)
    why = status.reason or dropped or status.advice
    return Step(status.state, why, status.offset, status.total_bytes, rate)


def _summary(stream: Stream) -> str:
    status = stream.status
    return (
        f"{stream.name}: {status.state}, {bytes_text(status.payload_bytes)} in "
        f"{status.elapsed_seconds:.1f} s, {rate_text(status.bits_per_second)}, "
        f"{status.pushes} pushes to group {stream.group}"
    )
