# SPDX-License-Identifier: Apache-2.0
"""The two switches that the same tests run on, as commands."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

DEVICE_ID = 1
CPU_PORT = 510


@dataclass(frozen=True, slots=True)
class Target:
    program: str
    arguments: tuple[str, ...]
    separator: tuple[str, ...]
    """Between the options of simple_switch and those that only its gRPC version has."""
    copies_per_port: int
    """Of one push, that one port takes; more would be lost."""
    frames_at_once: int
    """That a port takes in as fast as they come; more would be lost."""

    def command(self, interfaces: Mapping[int, str], address: str) -> list[str]:
        ports = [word for port, name in interfaces.items() for word in ("-i", f"{port}@{name}")]
        grpc = ["--grpc-server-addr", address, "--cpu-port", str(CPU_PORT)]
        start = [self.program, *self.arguments, "--device-id", str(DEVICE_ID), "--no-p4"]
        return [*start, *ports, *self.separator, *grpc]

    def missing(self) -> str | None:
        """Why the tests cannot run on it."""
        return None if shutil.which(self.program) else f"{self.program} is not on PATH"


TARGETS = {
    "embedded": Target("hectograph", ("switch",), (), copies_per_port=100, frames_at_once=1000),
    # BMv2's egress queue of each port holds 64: these, and the copy that tells the end.
    # 32 frames: what a libpcap ring of 2 MiB holds at 64 KiB each.
    "bmv2": Target("simple_switch_grpc", (), ("--",), copies_per_port=63, frames_at_once=32),
}
