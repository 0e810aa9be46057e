# SPDX-License-Identifier: Apache-2.0
"""The changes of what stateless TCP needs, in an order that no client notices.

1. Services that are wanted no more go: from here on their addresses refuse connections.
2. Secrets, meters and the buckets of host sets are written,
3. then the services: a SYN is answered only where everything behind the answer stands,
4. then their addresses: TCP to an address without a service is refused, and on a switch
   that starts anew that would end the downloads which were running.
5. Addresses and buckets that nothing leads to any more go.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from hectograph.core.entities import (
    Change,
    ContentAddress,
    Entity,
    FlowSecrets,
    Key,
    Operation,
    Service,
    ServiceHost,
    TcpEntity,
    TcpMeter,
)

Kind = type[Entity]


class TcpDiff:
    def __init__(
        self,
        planned: Mapping[Key, TcpEntity],
        actual: Mapping[Key, TcpEntity],
        undecided: Collection[Key],
    ) -> None:
        self._planned = planned
        self._actual = actual
        self._undecided = undecided

    @property
    def stages(self) -> tuple[Callable[[], Iterator[Change]], ...]:
        return (
            lambda: self._delete(Service),
            lambda: self._write(FlowSecrets, TcpMeter, ServiceHost),
            lambda: self._write(Service),
            lambda: self._write(ContentAddress),
            lambda: self._delete(ContentAddress, ServiceHost),
        )

    def _write(self, *kinds: Kind) -> Iterator[Change]:
        for name, entity in self._planned.items():
            actual = self._actual.get(name)
            if name[0] in kinds and actual is not entity and actual != entity:
                there = actual is not None or name[0] in (FlowSecrets, TcpMeter)
                yield Change(Operation.MODIFY if there else Operation.INSERT, entity)

    def _delete(self, *kinds: Kind) -> Iterator[Change]:
        for name, entity in self._actual.items():
            if name[0] in kinds and name not in self._planned and name not in self._undecided:
                yield Change(Operation.DELETE, entity)
