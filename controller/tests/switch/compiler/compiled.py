# SPDX-License-Identifier: Apache-2.0
"""A compiled program on the real runtime, without ports: frames in, frames out."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from hectograph import _native
from hectograph.errors import HectographError, ToolFailure
from hectograph.switch.compiler import find_or_build, to_c
from hectograph.switch.native import LoadedPipeline

ffi: Any = _native.ffi
lib: Any = _native.lib


class Output(NamedTuple):
    port: int
    frame: bytes


def ok(result: int) -> int:
    assert result >= 0, f"errno {-result}"
    return result


class Compiled:
    def __init__(self, switch: Any, loaded: Any) -> None:
        self._switch = switch
        self._loaded = loaded
        self.pipeline = LoadedPipeline(switch, loaded)

    def send(self, frame: bytes, port: int = 1) -> list[Output]:
        """What the switch puts out for one frame received on a port."""
        outputs: list[Output] = []

        def take(_: Any, out_port: int, data: Any, length: int) -> None:
            outputs.append(Output(out_port, bytes(ffi.buffer(data, length))))

        callback = ffi.callback("hg_output_fn", take)
        ok(lib.hg_switch_inject(self._switch, port, frame, len(frame), callback, ffi.NULL))
        return outputs

    def payload(self, frame: bytes, port: int = 1) -> bytes:
        """The one frame that comes out of port 2."""
        ((out_port, out),) = self.send(frame, port)
        assert out_port == 2
        return out

    def insert(
        self,
        table: str,
        key: bytes,
        action: str,
        params: bytes = b"",
        *,
        mask: bytes | None = None,
        priority: int = 0,
    ) -> None:
        entry, _kept = self._entry(table, key, action, params, mask, priority)
        ok(lib.hg_entry_insert(self._switch, self._loaded, self._table(table), entry))

    def set_default(self, table: str, action: str, params: bytes = b"") -> None:
        index = self._table(table)
        number = ok(lib.hg_action_index(self._loaded, index, action.encode()))
        ok(lib.hg_default_set(self._switch, self._loaded, index, number, params, len(params)))

    def entry_count(self, table: str) -> int:
        return ok(lib.hg_table_count(self._switch, self._loaded, self._table(table)))

    def has_table(self, name: str) -> bool:
        return lib.hg_table_index(self._loaded, name.encode()) >= 0

    def add_group(self, group: int, *replicas: tuple[int, int]) -> None:
        array = ffi.new("struct hg_replica[]", list(replicas))
        ok(lib.hg_group_insert(self._switch, group, array, len(replicas)))

    def set_group(self, group: int, *replicas: tuple[int, int]) -> None:
        """Whether it is there already or not."""
        lib.hg_group_delete(self._switch, group)
        self.add_group(group, *replicas)

    def add_session(self, session: int, *replicas: tuple[int, int], max_bytes: int = 0) -> None:
        array = ffi.new("struct hg_replica[]", list(replicas))
        ok(lib.hg_session_insert(self._switch, session, array, len(replicas), max_bytes))

    def counter(self, name: str, index: int) -> tuple[int, int]:
        """Packets and bytes."""
        value = ffi.new("struct hg_counter_value[1]")
        number = ok(lib.hg_counter_index(self._loaded, name.encode()))
        ok(lib.hg_counter_get(self._switch, self._loaded, number, index, 1, value))
        return value[0].packets, value[0].bytes

    def direct_counter(
        self, table: str, key: bytes, *, mask: bytes | None = None, priority: int = 0
    ) -> tuple[int, int]:
        entry = ffi.new("struct hg_flat_entry *")
        kept = [ffi.from_buffer("uint8_t[]", each or b"") for each in (key, mask)]
        entry.key, entry.mask = kept
        if mask is None:
            entry.mask = ffi.NULL
        entry.priority = priority
        snapshot = ffi.new("struct hg_snapshot **")
        index = self._table(table)
        ok(lib.hg_entry_get(self._switch, self._loaded, index, entry, snapshot))
        read = ffi.new("struct hg_read_entry *")
        lib.hg_snapshot_get(snapshot[0], 0, read)
        value = read.counter.packets, read.counter.bytes
        lib.hg_snapshot_free(snapshot[0])
        return value

    def set_meter(self, name: str, index: int, rates: Mapping[str, int]) -> None:
        number = ok(lib.hg_meter_index(self._loaded, name.encode()))
        config = ffi.new("struct hg_meter_config *", {"configured": True, **rates})
        ok(lib.hg_meter_set(self._switch, self._loaded, number, index, config))

    def set_direct_meter(self, table: str, key: bytes, rates: Mapping[str, int]) -> None:
        entry = ffi.new("struct hg_flat_entry *")
        kept = ffi.from_buffer("uint8_t[]", key)
        entry.key = kept
        config = ffi.new("struct hg_meter_config *", {"configured": True, **rates})
        index = self._table(table)
        ok(lib.hg_entry_meter_set(self._switch, self._loaded, index, entry, config))

    def stats(self) -> dict[str, int]:
        """Those that are not 0."""
        stats = ffi.new("struct hg_switch_stats *")
        lib.hg_switch_stats_get(self._switch, stats)
        return {name: value for name in dir(stats) if (value := getattr(stats, name))}

    def _table(self, name: str) -> int:
        return ok(lib.hg_table_index(self._loaded, name.encode()))

    def _entry(
        self, table: str, key: bytes, action: str, params: bytes, mask: bytes | None, priority: int
    ) -> tuple[Any, list[Any]]:
        """The entry, and what its pointers point to, which must live as long."""
        kept = [ffi.from_buffer("uint8_t[]", each or b"") for each in (key, mask, params)]
        entry = ffi.new("struct hg_flat_entry *")
        entry.key, entry.mask, entry.params = kept
        if mask is None:
            entry.mask = ffi.NULL
        entry.params_bytes = len(params)
        entry.priority = priority
        index = self._table(table)
        entry.action = ok(lib.hg_action_index(self._loaded, index, action.encode()))
        return entry, kept


@contextmanager
def compiled(program: Mapping[str, Any]) -> Generator[Compiled]:
    """The program, compiled, loaded and running."""
    try:
        path = find_or_build(json.dumps(program))
    except ToolFailure as error:
        error.add_note(error.output)
        raise
    error = ffi.new("char[]", lib.HG_ERROR_BYTES)
    switch = ffi.new("struct hg_switch **")
    config = ffi.new("struct hg_switch_config *", {"cpu_port": 510})
    assert lib.hg_switch_new(config, switch, error) == 0, ffi.string(error)
    try:
        loaded = ffi.new("struct hg_loaded **")
        result = lib.hg_pipeline_load(switch[0], str(path).encode(), loaded, error)
        assert result == 0, ffi.string(error)
        ok(lib.hg_pipeline_commit(switch[0], loaded[0]))
        yield Compiled(switch[0], loaded[0])
    finally:
        lib.hg_switch_free(switch[0])


def refusal(program: Mapping[str, Any]) -> str:
    """What the compiler says to a program that it must not take."""
    try:
        to_c(json.dumps(program))
    except HectographError as error:
        return f"{type(error).__name__}: {error}"
    return ""
