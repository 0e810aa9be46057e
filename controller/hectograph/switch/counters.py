# SPDX-License-Identifier: Apache-2.0
"""CounterEntry, and the values that counters have in common."""

from collections.abc import Iterator, Sequence

from finsy.proto import p4i, p4r

from hectograph.switch import status
from hectograph.switch.native import Counter
from hectograph.switch.values import CounterValue


def encode_counter(data: p4r.CounterData, where: str) -> CounterValue:
    if data.packet_count < 0 or data.byte_count < 0:
        raise status.invalid(f"{where}: a negative counter value")
    return CounterValue(data.packet_count, data.byte_count)


def decode_counter(value: CounterValue) -> p4r.CounterData:
    return p4r.CounterData(byte_count=value.bytes, packet_count=value.packets)


def check_modify(update: p4r.Update.Type.ValueType, what: str) -> None:
    """Cells exist as long as what they belong to: they can only be modified."""
    if update != p4r.Update.MODIFY:
        raise status.invalid(f"{what} can only be modified")


def cell_range(has_index: bool, index: int, size: int, where: str) -> range:
    """The cells that an Index selects: all of them when it is unset."""
    if not has_index:
        return range(size)
    if index < 0:
        raise status.invalid(f"{where}: index {index} is negative")
    if index >= size:
        raise status.out_of_range(f"{where}: index {index} is beyond its {size} cells")
    return range(index, index + 1)


class IndirectCounter:
    def __init__(self, info: p4i.Counter, native: Counter) -> None:
        self.id = info.preamble.id
        self._where = f"counter {info.preamble.name}"
        self._size = info.size
        self._native = native

    def write(self, entry: p4r.CounterEntry) -> None:
        cells = self._cells(entry)
        if not entry.HasField("data"):
            return
        value = encode_counter(entry.data, self._where)
        for cell in cells:
            self._native.set(cell, value)

    def read(self, entry: p4r.CounterEntry) -> Iterator[p4r.Entity]:
        cells = self._cells(entry)
        values = self._native.get(cells.start, len(cells))
        for cell, value in zip(cells, values, strict=True):
            yield p4r.Entity(
                counter_entry=p4r.CounterEntry(
                    counter_id=self.id,
                    index=p4r.Index(index=cell),
                    data=decode_counter(value),
                )
            )

    def _cells(self, entry: p4r.CounterEntry) -> range:
        return cell_range(entry.HasField("index"), entry.index.index, self._size, self._where)


class IndirectCounters:
    """All indirect counters of a pipeline."""

    def __init__(self, counters: Sequence[IndirectCounter]) -> None:
        self._by_id = {counter.id: counter for counter in counters}

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.CounterEntry) -> None:
        check_modify(update, "a counter's cells")
        self._find(entry.counter_id).write(entry)

    def read(self, entry: p4r.CounterEntry) -> Iterator[p4r.Entity]:
        if entry.counter_id:
            yield from self._find(entry.counter_id).read(entry)
            return
        for counter in self._by_id.values():
            yield from counter.read(p4r.CounterEntry())

    def _find(self, counter_id: int) -> IndirectCounter:
        counter = self._by_id.get(counter_id)
        if counter is None:
            raise status.invalid(f"the pipeline has no counter {counter_id:#010x}")
        return counter
