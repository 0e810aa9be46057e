# SPDX-License-Identifier: Apache-2.0
"""``hectograph content``: what clients download over TCP."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from hectograph.cli.output import Columns, print_fields, print_json, print_rows
from hectograph.cli.patience import looks
from hectograph.cli.progress import Step, progress
from hectograph.cli.remote import Json, Switch, build, connect, only
from hectograph.cli.sources import check_scheme, file_source, media_type
from hectograph.cli.units import bytes_text
from hectograph.core.redact import redact
from hectograph.errors import HectographError, InvalidInput, NotFound

if TYPE_CHECKING:
    from hectograph.api.client import Client
    from hectograph.api.content_models import UrlSource
    from hectograph.api.content_views import Content
    from hectograph.api.models import FileSource

app = typer.Typer(no_args_is_help=True)

URLS = ("http://", "https://")
NAME_CHARACTERS = 63

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is so.")]

COLUMNS: Columns[Content] = {
    "content": lambda each: each.name,
    "switch": lambda each: each.switch,
    "size": lambda each: None if each.status.bytes is None else bytes_text(each.status.bytes),
    "downloads": lambda each: each.status.flows,
    "state": lambda each: each.status.state,
    "found at": lambda each: each.status.urls,
    "reason": lambda each: each.status.reason,
}


@app.command()
def add(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="Its bytes.")],
    name: Annotated[
        str | None, typer.Option(help="What it is called.", show_default="after its file")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="What its SHA-256 has to be.")] = None,
    type_: Annotated[
        str | None,
        typer.Option("--type", help="Its media type.", show_default="after its file's name"),
    ] = None,
    switch: Switch = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Who serves it; may be repeated. Without: every host of the switch."),
    ] = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Serve a file, or what is at a URL; clients then download it from an address of its own.

    Ctrl-C ends the waiting, not the work.
    """
    from hectograph.api.content_models import ContentSpec

    file = _file_name(source)
    name = name or _name(file)
    with connect(context) as client:
        spec = build(
            ContentSpec,
            switch=switch or only("switch", client.switches.list()),
            source=_source(source),
            sha256=sha256.lower() if sha256 else None,
            type=type_ or media_type(file),
            hosts=host or None,
        )
        content = client.contents.put(name, spec)
        if wait:
            with _going_on(name):
                content = _until_served(client, name)
    if as_json:
        print_json(content)
    elif wait:
        typer.echo("\n".join([f"{name}  {content.status.sha256}", *content.status.urls]))
    else:
        print_rows([content], COLUMNS)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All contents."""
    with connect(context) as client:
        contents = client.contents.list()
    print_json(contents) if as_json else print_rows(contents, COLUMNS)


@app.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Everything about one content."""
    with connect(context) as client:
        content = client.contents.get(name)
    print_json(content) if as_json else print_fields(content)


@app.command()
def rm(
    context: typer.Context,
    name: str,
    reset: Annotated[
        bool, typer.Option("--reset", help="Reset its downloads, which otherwise finish.")
    ] = False,
    wait: Wait = True,
) -> None:
    """Take no new downloads of a content; it is gone when those that run have finished."""
    with connect(context) as client:
        client.contents.remove(name, reset=reset)
        if wait:
            with _going_on(name):
                _until_gone(client, name)


def _source(text: str) -> FileSource | UrlSource:
    from hectograph.api.content_models import UrlSource

    if text.startswith(URLS):
        return build(UrlSource, url=text)
    check_scheme(text, "http", "https")
    return file_source(text)


def _file_name(source: str) -> str:
    if not source.startswith(URLS):
        return Path(source).name
    try:
        url = urlsplit(source)
        return Path(unquote(url.path)).name or url.hostname or ""
    except ValueError as error:
        raise InvalidInput(str(error), where=redact(source)) from error


def _name(file: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", file.lower()).strip("-")[:NAME_CHARACTERS].rstrip("-")
    if not name:
        raise InvalidInput(f"{file!r} makes no name: give one", where="--name")
    return name


@contextmanager
def _going_on(name: str) -> Generator[None]:
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"\nit goes on; see `hectograph content show {name}`", err=True)
        raise


def _until_served(client: Client, name: str) -> Content:
    with progress(name) as show:
        for content in looks(lambda: client.contents.get(name)):
            status = content.status
            show(Step(status.state, status.reason, status.done_bytes, status.total_bytes))
            if status.state == "serving":
                return content
            if status.state in ("failed", "draining"):
                raise HectographError(status.reason or status.state, where=f"content {name}")
    raise AssertionError("looks() never ends")


def _until_gone(client: Client, name: str) -> None:
    with progress(name) as show, suppress(NotFound):
        for content in looks(lambda: client.contents.get(name)):
            status = content.status
            if status.state != "draining":
                return  # somebody put it again
            show(Step(status.state, status.reason, 0, None))
