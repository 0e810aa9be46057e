# SPDX-License-Identifier: Apache-2.0
"""Namespaces, links and programs that are taken down together, last made first."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from hectograph.testbed.isolation import PRIVATE_DIRECTORY, isolate
from hectograph.testbed.network import End, Namespace, make_veth
from hectograph.testbed.process import Program, private_environment


class Testbed:
    """Isolates the process when it is entered; has a directory of its own under /run."""

    __test__ = False  # a name that pytest would otherwise collect

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> "Testbed":
        isolate()
        directory = tempfile.TemporaryDirectory(prefix="testbed-", dir=PRIVATE_DIRECTORY)
        self.directory = Path(self._stack.enter_context(directory))
        self.environment = private_environment(self.directory)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def namespace(self, name: str) -> Namespace:
        namespace = Namespace.create(name)
        self._stack.callback(namespace.close)
        return namespace

    def veth(self, one: End, other: End, mtu: int = 1500) -> None:
        """A link; it goes with the first of its namespaces that goes."""
        make_veth(one, other, mtu)

    def start(
        self,
        name: str,
        command: Sequence[str],
        namespace: Namespace,
        *,
        environment: Mapping[str, str] | None = None,
        descriptors: tuple[int, ...] = (),
    ) -> Program:
        program = Program(
            name=name,
            command=command,
            namespace=namespace,
            log=self.directory / f"{name}.log",
            environment={**self.environment, **(environment or {})},
            descriptors=descriptors,
        )
        self._stack.callback(program.stop)
        return program
