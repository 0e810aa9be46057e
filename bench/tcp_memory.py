# SPDX-License-Identifier: Apache-2.0
"""What a server keeps for connections that are open, in the middle of a download."""

import time
from dataclasses import dataclass
from pathlib import Path

import usage
from hectograph.errors import ToolFailure
from hectograph.testbed import Program
from tcp_lab import Content, Lab, Server

SETTLE_SECONDS = 2.0
OPENING_SECONDS = 180.0
ENDING_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes"""

    processes: int
    kernel: int
    """Growth of its allocator since before the first connection."""
    buffers: int
    """Growth of what it accounts to sockets."""


def measure(
    lab: Lab, programs: Path, server: Server, content: Content, counts: tuple[int, ...]
) -> list[Memory]:
    """At each of these numbers of connections, which grow. Their clients have no sockets."""
    kernel, buffers = usage.kernel_memory(), usage.socket_buffers()
    taken: list[Memory] = []
    opened: list[Program] = []
    for number, count in enumerate(counts):
        more = count - sum(counts[number - 1 : number])
        opened.append(_open(lab, programs / "silent_clients", server, content, number, more))
        time.sleep(SETTLE_SECONDS)
        if (there := server.connections()) < count:
            raise ToolFailure(f"has {there} connections of {count}", where=server.name)
        taken.append(
            Memory(
                server.memory(lab.ours.lab.contents),
                max(usage.kernel_memory() - kernel, 0),
                max(usage.socket_buffers() - buffers, 0),
            )
        )
    for program in opened:
        program.stop(timeout=ENDING_SECONDS)
    return taken


def _open(
    lab: Lab, program: Path, server: Server, content: Content, client: int, count: int
) -> Program:
    at = server.address(client, content)
    command = [str(program), at.interface, at.first_source, str(count)]
    command += [at.destination, at.mac, at.path]
    name = f"silent-{server.name}-{client}"
    running = lab.bed.start(name, command, lab.clients[client])
    running.wait_until(lambda: "open" in running.output().splitlines(), OPENING_SECONDS)
    return running
