# SPDX-License-Identifier: Apache-2.0
"""The switch's tables, as a test sees them: plain calls over P4Runtime."""

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import finsy as fy

from hectograph import wire
from hectograph.core.checksum import tcp_member_sum, udp_member_sum
from packetlab.frames import Member, TcpMember

T = TypeVar("T")
E = TypeVar("E", fy.P4CounterEntry, fy.P4DirectCounterEntry, fy.P4MulticastGroupEntry)

CALL_SECONDS = 20
ETHERTYPE_LAST = 0x88B6
"""Local experimental EtherType 2 (RFC 9542, appendix B.1): nothing to the pipeline."""
TCP_METER_CELLS = (wire.TCP_METER_UNVERIFIED, wire.TCP_METER_RESET, wire.TCP_METER_LEARN)
HANDSHAKES = "learnt_flow_t"
"""The digest."""
PUNTS = {name: number for number, name in wire.PUNT_REASONS.items()}


class Control:
    """A P4Runtime client in a thread of its own, so that tests need no event loop."""

    def __init__(self, address: str, artifacts: Path) -> None:
        options = fy.SwitchOptions(
            p4info=artifacts / "hectograph.p4info.txtpb", p4blob=artifacts / "hectograph.json"
        )
        self._switch = fy.Switch("switch", address, options)
        self._packets: queue.Queue[fy.P4PacketIn] = queue.Queue()
        self._last_frames: queue.Queue[bytes] = queue.Queue()
        self._handshakes: queue.Queue[dict[str, int]] = queue.Queue()
        self.acknowledges = True
        """Digests: until then a switch does not tell the same again."""
        self._digests: set[frozenset[tuple[str, object]]] = set()
        self._sending = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="p4runtime")
        self._thread.start()
        self._call(self._connect())

    def close(self) -> None:
        self._call(self._switch.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def reset(self) -> None:
        """No entry, no group, no meter, and no packet that came in before."""
        self._call(self._switch.delete_many([fy.P4TableEntry()]))
        # finsy's delete_many() passes over groups when the program has a const table.
        self._call(self._switch.delete(self._read(fy.P4MulticastGroupEntry())))
        for reason in PUNTS.values():
            self.set_punt_meter(reason, None)
        for cell in TCP_METER_CELLS:
            self.set_meter("tcp_meter", cell, None)
        self.acknowledges = True
        self.packet_ins()

    def add_host_port(self, port: int) -> None:
        self._insert([fy.P4TableEntry("host_port", match=_key(ingress_port=port), action=_IS_HOST)])

    def add_group(
        self,
        group: int,
        members: Iterable[Member],
        empty: Iterable[Member] = (),
        tree: int | None = None,
    ) -> None:
        """Its tree has the same number unless told; `empty` are slots without a member."""
        tree = group if tree is None else tree
        members = list(members)
        replicas = [(member.port, member.instance) for member in [*members, *empty]]
        action = fy.P4TableAction("replicate", multicast_group=tree)
        self._insert(
            [
                fy.P4MulticastGroupEntry(tree, replicas=replicas),
                fy.P4TableEntry("push_group", match=_key(group=group), action=action),
                *(_member_entry(group, member) for member in members),
            ]
        )

    def add_group_in_order(
        self, group: int, members: Sequence[Member], empty: Sequence[Member]
    ) -> None:
        """As add_group(), slot by slot, so that BMv2 copies in this order, too.

        Of a group that is written at once it copies in its hash map's order.
        """
        slots = [*members, *empty]
        self.add_group(group, members[:1], empty[: not members])
        self._insert([_member_entry(group, member) for member in members[1:]])
        for size in range(2, len(slots) + 1):
            replicas = [(member.port, member.instance) for member in slots[:size]]
            self._call(self._switch.modify([fy.P4MulticastGroupEntry(group, replicas=replicas)]))

    def add_group_without_tree(self, group: int) -> None:
        action = fy.P4TableAction("replicate", multicast_group=group)
        self._insert([fy.P4TableEntry("push_group", match=_key(group=group), action=action)])

    def set_punt_meter(self, reason: int, config: fy.P4MeterConfig | None) -> None:
        self.set_meter("punt_meter", reason, config)

    def set_meter(self, name: str, index: int, config: fy.P4MeterConfig | None) -> None:
        self._call(self._switch.modify([fy.P4MeterEntry(name, index=index, config=config)]))

    def insert(self, *entries: fy.P4TableEntry) -> None:
        self._insert([*entries])

    def modify(self, entry: fy.P4TableEntry) -> None:
        self._call(self._switch.modify([entry]))

    def delete(self, entry: fy.P4TableEntry) -> None:
        self._call(self._switch.delete([entry]))

    def drops(self) -> Counter[str]:
        """Packets by reason, of both pipelines' counters; an index without a name is its number."""
        counts: Counter[str] = Counter()
        for name in ("ingress_drops", "egress_drops"):
            for entry in self._read(fy.P4CounterEntry(name)):
                index = entry.index or 0
                counts[wire.DROP_REASONS.get(index, str(index))] += entry.packet_count
        return counts

    def member_counter(self, group: int, member: Member) -> tuple[int, int]:
        """Packets and bytes."""
        match = _key(group=group, instance=member.instance)
        return self.direct_counter(fy.P4TableEntry("member", match=match))

    def direct_counter(self, table_entry: fy.P4TableEntry) -> tuple[int, int]:
        """Packets and bytes."""
        (entry,) = self._read(fy.P4DirectCounterEntry(table_entry=table_entry))
        return entry.packet_count, entry.byte_count

    def direct_counters(self, table: str) -> dict[str, tuple[int, int]]:
        """Packets and bytes of every entry, by its match."""
        entries = self._read(fy.P4DirectCounterEntry(table_entry=fy.P4TableEntry(table)))
        return {
            str(entry.table_entry and entry.table_entry.match): (
                entry.packet_count,
                entry.byte_count,
            )
            for entry in entries
        }

    def packet_out(self, port: int, frame: bytes) -> None:
        self._call(self._send(fy.P4PacketOut(frame, egress_port=port)))

    def packet_in(self, timeout: float = 5) -> fy.P4PacketIn:
        return self._packets.get(timeout=timeout)

    def packet_ins(self) -> list[fy.P4PacketIn]:
        """Those that wait."""
        packets: list[fy.P4PacketIn] = []
        while not self._packets.empty():
            packets.append(self._packets.get_nowait())
        return packets

    def digests(self) -> set[frozenset[tuple[str, object]]]:
        """All that came so far, but for those that handshake() took."""
        while not self._handshakes.empty():
            self._digests.add(frozenset(self._handshakes.get_nowait().items()))
        return self._digests.copy()

    def last_frame(self, timeout: float = 20) -> bytes:
        """A frame of the type that tells the end of what went into a client's port."""
        return self._last_frames.get(timeout=timeout)

    def handshake(self, timeout: float = 20) -> dict[str, int]:
        """The fields of the next digest."""
        return self._handshakes.get(timeout=timeout)

    async def _connect(self) -> None:
        await self._switch.__aenter__()
        self._switch.create_task(self._collect_packets(), background=True)
        self._switch.create_task(self._collect_handshakes(), background=True)
        await asyncio.sleep(0)  # lets them open their queues
        # Each in a list of its own, and at once; an hour for its acknowledgement.
        entry = fy.P4DigestEntry(HANDSHAKES, max_list_size=1, ack_timeout_ns=3600 * 10**9)
        await self._switch.insert([entry])

    async def _collect_packets(self) -> None:
        async for packet in self._switch.read_packets():
            if packet.payload[12:14] == ETHERTYPE_LAST.to_bytes(2):
                self._last_frames.put(packet.payload)
            else:
                self._packets.put(packet)

    async def _collect_handshakes(self) -> None:
        async for digests in self._switch.read_digests(HANDSHAKES, queue_size=1000):
            for digest in digests:
                self._handshakes.put(cast("dict[str, int]", digest))
            if self.acknowledges:
                await self._send(digests.ack())

    async def _send(self, message: fy.P4PacketOut | fy.P4DigestListAck) -> None:
        """A gRPC stream takes one write at a time: it ends with INTERNAL when two meet."""
        async with self._sending:
            await self._switch.write([message])

    def _insert(self, entities: list[fy.P4TableEntry | fy.P4MulticastGroupEntry]) -> None:
        self._call(self._switch.insert(entities))

    def _read(self, entity: E) -> list[E]:
        async def collect() -> list[E]:
            # finsy's overloads call the generator a coroutine.
            found = cast(AsyncIterator[E], self._switch.read(entity))
            return [item async for item in found]

        return self._call(collect())

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(CALL_SECONDS)


_IS_HOST = fy.P4TableAction("is_host")


def _key(**fields: int) -> fy.P4TableMatch:
    return fy.P4TableMatch(fields)


def _member_entry(group: int, member: Member) -> fy.P4TableEntry:
    version = member.dst_addr.version
    source, destination = member.src_addr, member.dst_addr
    ports = member.src_port, member.dst_port
    if isinstance(member, TcpMember):
        name = f"tcp_ipv{version}"
        varying = {
            "sequence_base": member.sequence_base,
            "ack_no": member.ack_no,
            "window": member.window,
        }
        total = tcp_member_sum(source, destination, *ports, member.ack_no, member.window)
    else:
        name = f"udp_ipv{version}"
        varying = {"ttl" if version == 4 else "hop_limit": member.hop_limit}
        total = udp_member_sum(source, destination, *ports)
    action = fy.P4TableAction(
        name,
        dst_mac=member.dst_mac,
        src_mac=member.src_mac,
        vlan_tci=member.vlan_tci,
        src_addr=source,
        dst_addr=destination,
        src_port=member.src_port,
        dst_port=member.dst_port,
        member_sum=total,
        **varying,
    )
    match = _key(group=group, instance=member.instance)
    return fy.P4TableEntry("member", match=match, action=action)
