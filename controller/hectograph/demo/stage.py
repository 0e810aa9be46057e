# SPDX-License-Identifier: Apache-2.0
"""What both demonstrations begin and end with: the network, the parts, and the report."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console

from hectograph.api.models import AddressingSpec
from hectograph.cli.units import bytes_text
from hectograph.demo import content, files, parts, topology
from hectograph.demo.likeness import LIKENESSES, Like
from hectograph.demo.pace import PACES
from hectograph.errors import Unavailable
from hectograph.testbed import Testbed
from hectograph.testbed.targets import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    target: Target
    clients: int
    file: Path | None = None
    """None takes one that is on the machine."""
    kill: tuple[str, ...] = ()
    """Parts that get a SIGKILL while the file is under way, in this order."""
    as_json: bool = False
    settings: tuple[str, ...] = ()
    """More of the controller's options."""
    bundles: bool = True
    """Many pushes in one frame, and many segments, where the target takes them."""
    like: Like = Like.IDEAL
    """What the network is like."""


class Outcome(Protocol):
    def succeeded(self) -> bool: ...
    def as_json(self) -> str: ...
    def show(self, console: Console) -> None: ...


@dataclass(frozen=True, slots=True)
class Stage:
    stack: ExitStack
    """Ends what is begun on it."""
    say: Console
    bed: Testbed
    path: Path
    size: int
    """Of the file, bytes."""
    files: files.Files
    """For what is received."""
    network: topology.Topology
    running: parts.Parts


def perform(
    options: Options, play: Callable[[Stage], Outcome], addressing: AddressingSpec | None = None
) -> int:
    """The exit status: 0 when every client has the file."""
    if missing := options.target.missing():
        raise Unavailable(missing)
    file = content.check(options.file) if options.file else None
    with ExitStack() as stack:
        outcome = play(_set(stack, options, file, addressing))
    if options.as_json:
        print(outcome.as_json())
    else:
        outcome.show(Console(highlight=False, soft_wrap=True))
    return 0 if outcome.succeeded() else 1


def _set(
    stack: ExitStack, options: Options, file: Path | None, addressing: AddressingSpec | None
) -> Stage:
    say = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    bed = stack.enter_context(Testbed())
    path, made_of = (file, [file]) if file else content.choose(bed.directory)
    size = path.stat().st_size
    room = files.choose(size * options.clients)
    say.print(f"file       {' + '.join(map(str, made_of))}, {bytes_text(size)}")
    mtu, bundles = PACES[options.target.name].mtu, options.bundles and options.target.bundles
    likeness = LIKENESSES[options.like]
    network = topology.build(bed, options.clients, mtu, likeness, bundles=bundles)
    say.print(f"network    a host, a switch, {options.clients} clients, each in its own namespace")
    if described := likeness.describe():
        say.print(f"links      {described}")
    running = parts.start(
        bed, network, options.target, addressing, options.settings, bundles=bundles
    )
    stack.callback(running.client.close)
    for program in running.all():
        say.print(f"started    {program.name}: {program.command_line()}")
    return Stage(stack, say, bed, path, size, room, network, running)
