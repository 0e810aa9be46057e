# SPDX-License-Identifier: Apache-2.0
"""`hectograph switch` as a process, on interfaces of a namespace of its own."""

import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from hectograph.testbed import End, Namespace, Program, Testbed

COMMAND = [sys.executable, "-m", "hectograph", "switch"]
ETH_P_ALL = 3


def link_ports(bed: Testbed, inside: Namespace, outside: Namespace) -> None:
    """port1 and port2 in one namespace, peer1 and peer2 in the other, or in the same."""
    for number in (1, 2):
        bed.veth(
            End(inside, f"port{number}", ipv6=False), End(outside, f"peer{number}", ipv6=False)
        )


@dataclass
class Lab:
    """A namespace for switches, with port1 and port2 in it, their peers in another."""

    bed: Testbed
    inside: Namespace
    outside: Namespace

    @property
    def address(self) -> str:
        """A Unix socket: the tests are in another namespace."""
        return f"unix:{self.bed.directory}/p4runtime"

    def start(self, *arguments: str) -> Program:
        program = self.bed.start(
            "switch", [*COMMAND, "--grpc-server-addr", self.address, *arguments], self.inside
        )
        program.wait_until(lambda: "serves P4Runtime" in program.output())
        return program

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One that is expected to end by itself."""
        with self.inside.entered():
            return subprocess.run(
                [*COMMAND, *arguments],
                env=self.bed.environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )

    @contextmanager
    def raw_socket(self, interface: str) -> Generator[socket.socket]:
        with self.outside.entered():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        with raw:
            raw.bind((interface, ETH_P_ALL))
            raw.settimeout(10)
            yield raw
