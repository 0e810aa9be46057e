# SPDX-License-Identifier: Apache-2.0
"""The switches that the demonstration and the packet tests run, as commands."""

import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hectograph.errors import InvalidInput

DEVICE_ID = 1
CPU_PORT = 510
GET_BMV2 = (
    "build https://github.com/p4lang/behavioral-model or use its image p4lang/behavioral-model"
)


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    """Also its profile's in the controller."""
    program: tuple[str, ...]
    separator: tuple[str, ...] = ()
    """Between the options of simple_switch and those that only its gRPC version has."""
    bundles: bool = False
    """It cuts up what a pusher sends in bundles, on ports that it is told of; and takes frames
    whose checksum was left to hardware, and sends super-frames."""

    def command(
        self, interfaces: Mapping[int, str], address: str, host_ports: Iterable[int] = ()
    ) -> list[str]:
        """Without a pipeline, with these ports, serving P4Runtime at `address`.

        At `host_ports` are pushers, with --bundles where the target takes them.
        """
        ports = [word for port, name in interfaces.items() for word in ("-i", f"{port}@{name}")]
        grpc = ["--grpc-server-addr", address, "--cpu-port", str(CPU_PORT)]
        bundles = [word for port in host_ports for word in ("--bundle-port", str(port))]
        start = [*self.program, "--device-id", str(DEVICE_ID), "--no-p4"]
        return [*start, *ports, *(bundles if self.bundles else ()), *self.separator, *grpc]

    def missing(self) -> str | None:
        """Why it cannot run here, and what to do about it."""
        if shutil.which(self.program[0]):
            return None
        return f"{self.program[0]} is not on PATH: {GET_BMV2}"


TARGETS: Mapping[str, Target] = {
    "embedded": Target("embedded", (sys.executable, "-m", "hectograph", "switch"), bundles=True),
    "bmv2": Target("bmv2", ("simple_switch_grpc",), ("--",)),
}


def target(name: str) -> Target:
    try:
        return TARGETS[name]
    except KeyError:
        known = ", ".join(TARGETS)
        raise InvalidInput(f"no target is called {name!r}; there are: {known}") from None
