# SPDX-License-Identifier: Apache-2.0
"""RegisterEntry: a register's cells, one or all of them."""

from collections.abc import Iterator, Sequence

from finsy.proto import p4i, p4r

from hectograph.switch import status
from hectograph.switch.counters import cell_range, check_modify
from hectograph.switch.native import LoadedPipeline
from hectograph.switch.p4data import DataCodec

_SLICE = 4096
"""Cells that are read at a time."""


class Register:
    def __init__(self, info: p4i.Register, codec: DataCodec, loaded: LoadedPipeline) -> None:
        self.id = info.preamble.id
        self._where = f"register {info.preamble.name}"
        self._size = info.size
        self._codec = codec
        self._native = loaded.register(info.preamble.name, size=self._codec.size)

    def write(self, entry: p4r.RegisterEntry) -> None:
        cells = self._cells(entry)
        if not entry.HasField("data"):
            raise status.invalid(f"{self._where}: a write without data")
        self._native.set(cells.start, len(cells), self._codec.encode(entry.data, self._where))

    def read(self, entry: p4r.RegisterEntry) -> Iterator[p4r.Entity]:
        cells = self._cells(entry)
        for first in range(cells.start, cells.stop, _SLICE):
            count = min(_SLICE, cells.stop - first)
            for cell, value in enumerate(self._native.get(first, count), first):
                entity = p4r.Entity()
                entity.register_entry.register_id = self.id
                entity.register_entry.index.index = cell
                self._codec.decode(entity.register_entry.data, value)
                yield entity

    def _cells(self, entry: p4r.RegisterEntry) -> range:
        return cell_range(entry.HasField("index"), entry.index.index, self._size, self._where)


class Registers:
    """All registers of a pipeline."""

    def __init__(self, registers: Sequence[Register]) -> None:
        self._by_id = {register.id: register for register in registers}

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.RegisterEntry) -> None:
        check_modify(update, "a register's cells")
        self._find(entry.register_id).write(entry)

    def read(self, entry: p4r.RegisterEntry) -> Iterator[p4r.Entity]:
        if entry.register_id:
            yield from self._find(entry.register_id).read(entry)
            return
        for register in self._by_id.values():
            yield from register.read(p4r.RegisterEntry())

    def _find(self, register_id: int) -> Register:
        register = self._by_id.get(register_id)
        if register is None:
            raise status.invalid(f"the pipeline has no register {register_id:#010x}")
        return register
