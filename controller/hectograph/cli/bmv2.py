# SPDX-License-Identifier: Apache-2.0
"""simple_switch_grpc's arguments as `hectograph switch` has them.

BMv2 has options before and behind ``--``; here they are all in one place. What has no
effect on this switch is left out, and said in one line each.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from hectograph.errors import Conflict, InvalidInput

PROGRAM = "simple_switch_grpc"
"""Who is called so, by a link, is `hectograph switch` with BMv2's defaults."""

DEFAULTS = ("--device-id", "0", "--grpc-server-addr", "0.0.0.0:9559")

_THRIFT = "there is no Thrift server, and so no simple_switch_CLI"
_FILES = "packets come from interfaces alone"
_DEBUGGER = "there is no debugger; --log-level trace prints each packet's way"
_GROUPS = "there is no such limit"

_FLAGS = {
    "--debugger": _DEBUGGER,
    "--disable-swap": "a pipeline can always be replaced over P4Runtime",
    "--warn-on-invalid-hdr-read": "reads of invalid headers are not watched",
    "--ret-zero-on-invalid-hdr-read": "docs/switch.md says what they read",
}
_WITH_VALUES = {
    "--debugger-addr": _DEBUGGER,
    "--dp-grpc-server-addr": _FILES,
    "--dump-packet-data": "--pcap writes packets whole",
    "--max-l1-entries": _GROUPS,
    "--max-l2-entries": _GROUPS,
    "--max-mc-groups": _GROUPS,
    "--max-port-count": _GROUPS,
    "--nanolog": "there is no log over nanomsg",
    "--notifications-addr": "notifications go to P4Runtime's clients",
    "--packet-in": _FILES,
    "--priority-queues": "a port has one queue",
    "--restore-state": "state is written over P4Runtime",
    "--thrift-port": _THRIFT,
    "--use-files": _FILES,
}
_TLS = {
    "--grpc-server-cert": "--tls-cert",
    "--grpc-server-key": "--tls-key",
    "--grpc-server-cacert": "--tls-ca",
}


class SwitchCommand(TyperCommand):
    """`hectograph switch`, which takes BMv2's arguments with its own."""

    # Which click the context is of depends on the version of typer.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        return super().parse_args(ctx, translate(args))


def translate(words: Sequence[str]) -> list[str]:
    """BMv2's own options replaced or left out, all others as they are."""
    return [*_Translation(words)]


class _Translation:
    def __init__(self, words: Sequence[str]) -> None:
        self._rest = list(words)
        self._tls: dict[str, str] = {}
        self._flags: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        while self._rest:
            word = self._rest.pop(0)
            yield from self._word(word, *word.partition("="))
        yield from self._tls_options()

    def _word(self, word: str, name: str, equals: str, value: str) -> Iterator[str]:
        if name in _FLAGS:
            _say(name, _FLAGS[name])
        elif name in _WITH_VALUES:
            self._value(name, equals, value)
            _say(name, _WITH_VALUES[name])
        elif name in _TLS:
            self._tls[name] = self._value(name, equals, value)
        elif name in ("--grpc-server-ssl", "--grpc-server-with-client-auth"):
            self._flags.add(name)
        elif name == "--pcap":
            yield from (name, value if equals else self._directory())
        elif word not in ("--", "--log-flush"):  # the log is always flushed
            yield word

    def _value(self, name: str, equals: str, value: str) -> str:
        if equals:
            return value
        if not self._rest:
            raise InvalidInput("it needs a value", where=name)
        return self._rest.pop(0)

    def _directory(self) -> str:
        """BMv2's --pcap stands by itself, too: then it is the current one."""
        following = self._rest[0] if self._rest else "-"
        alone = following.startswith("-") or following.endswith(".json")
        return "." if alone else self._rest.pop(0)

    def _tls_options(self) -> Iterator[str]:
        """As in BMv2, files count with --grpc-server-ssl, a client's CA if one is asked for."""
        if "--grpc-server-ssl" not in self._flags:
            return
        for name, value in self._tls.items():
            if name != "--grpc-server-cacert" or "--grpc-server-with-client-auth" in self._flags:
                yield from (_TLS[name], value)


def _say(name: str, why: str) -> None:
    typer.echo(f"{name} has no effect: {why}", err=True)


def install(directory: Path | None) -> None:
    """A link in the directory, by which whoever starts BMv2 starts this switch."""
    if directory is None:
        return
    target = shutil.which("hectograph", path=str(Path(sys.executable).parent))
    if target is None:
        raise InvalidInput("there is no program 'hectograph'", where=sys.executable)
    link = directory / PROGRAM
    try:
        if link.is_symlink() and link.resolve() == Path(target).resolve():
            link.unlink()
        link.symlink_to(target)
    except FileExistsError:
        raise Conflict("it is there already", where=str(link)) from None
    except OSError as error:
        raise InvalidInput(f"cannot be made: {error.strerror}", where=str(link)) from None
    typer.echo(f"{link} -> {target}")
    raise typer.Exit
