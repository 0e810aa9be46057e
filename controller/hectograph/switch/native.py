# SPDX-License-Identifier: Apache-2.0
"""The C runtime as Python sees it (host/switch/hg_switch.h); nothing else touches its cffi.

Where C returns a negative errno, these raise OSError with it; where C also says
what and where, a HectographError with that line. The calls are short; those that
open files or interfaces (load, add_port) belong in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, overload

from hectograph._native import (  # pyright: ignore[reportMissingModuleSource]: host/native's
    ffi,
    lib,
)
from hectograph.errors import HectographError, NotFound
from hectograph.switch.compiler import DROP_PORT
from hectograph.switch.values import (
    Chosen,
    CounterValue,
    DigestMessage,
    Entry,
    MatchKey,
    MeterRates,
    PortStats,
    Queues,
    Replica,
    StageCycles,
    SwitchStats,
)

if TYPE_CHECKING:
    from hectograph._native import CData  # pyright: ignore[reportMissingModuleSource]

MAX_FRAME_BYTES: int = lib.HG_MAX_FRAME_BYTES
"""A jumbo frame with one tag."""

IO_KINDS: dict[str, int] = {
    "auto": lib.HG_IO_AUTO,
    "afpacket": lib.HG_IO_AFPACKET,
    "super": lib.HG_IO_SUPER,
    "fanout": lib.HG_IO_FANOUT,
    "afxdp": lib.HG_IO_AFXDP,
}
"""How frames leave: hg_switch.h, ``enum hg_io``."""

STAGES = ("parser", "ingress", "replication", "egress", "transmit")
"""In the order of enum hg_stage."""

_CPU_FRAME_BYTES = 65_536
"""Holds the largest frame with whatever headers a pipeline puts before it."""

_NEVER = 0xFFFF_FFFF_FFFF_FFFF

_PROGRAM_DEFAULT = 0xFFFF_FFFF
"""The action that puts back the default entry which the program declares."""


def _check(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def _check_error(result: int, error: CData) -> None:
    if result < 0:
        line = ffi.string(error).decode(errors="replace")
        raise HectographError(line or os.strerror(-result))


def _counter(value: CounterValue) -> CData:
    return ffi.new("struct hg_counter_value *", {"packets": value.packets, "bytes": value.bytes})


def _meter(rates: MeterRates | None) -> CData:
    if rates is None:
        return ffi.new("struct hg_meter_config *", {"configured": False})
    return ffi.new("struct hg_meter_config *", {"configured": True, **asdict(rates)})


def _rates(config: CData) -> MeterRates | None:
    if not config.configured:
        return None
    return MeterRates(config.cir, config.cburst, config.pir, config.pburst)


class Table:
    """One table of a loaded pipeline. Its buffers are filled anew for every call."""

    def __init__(
        self,
        switch: CData,
        loaded: CData,
        index: int,
        *,
        key_bytes: int,
        params_bytes: int,
        has_mask: bool,
    ) -> None:
        self._place = (switch, loaded, index)
        self._key_bytes = key_bytes
        self._has_mask = has_mask
        self._key = bytearray(key_bytes)
        self._mask = bytearray(key_bytes)
        self._params = bytearray(params_bytes)
        self._entry = ffi.new("struct hg_flat_entry *")
        # cffi does not keep alive what a struct points to: these do.
        self._views = tuple(
            ffi.from_buffer("uint8_t[]", buffer) for buffer in (self._key, self._mask, self._params)
        )
        self._entry.key, mask, self._entry.params = self._views
        self._entry.mask = mask if has_mask else ffi.NULL

    def action_index(self, name: str) -> int:
        _, loaded, table = self._place
        index: int = lib.hg_action_index(loaded, table, name.encode())
        if index < 0:
            raise NotFound(f"the compiled pipeline has no action {name} in this table")
        return index

    def insert(
        self, key: MatchKey, action: int, params: bytes, cookie: int, idle_timeout_ns: int = 0
    ) -> None:
        self._fill(key)
        self._fill_action(action, params, cookie, idle_timeout_ns)
        _check(lib.hg_entry_insert(*self._place, self._entry))

    def modify(
        self, key: MatchKey, action: int, params: bytes, cookie: int, idle_timeout_ns: int = 0
    ) -> None:
        self._fill(key)
        self._fill_action(action, params, cookie, idle_timeout_ns)
        _check(lib.hg_entry_modify(*self._place, self._entry))

    def delete(self, key: MatchKey) -> None:
        self._fill(key)
        _check(lib.hg_entry_delete(*self._place, self._entry))

    def get(self, key: MatchKey) -> Entry:
        self._fill(key)
        return self._snapshot(lambda out: lib.hg_entry_get(*self._place, self._entry, out))[0]

    def get_default(self) -> Entry:
        return self._snapshot(lambda out: lib.hg_default_get(*self._place, out))[0]

    def entries(self) -> Sequence[Entry]:
        """As they are now, whatever is written before they are looked at."""
        return self._snapshot(lambda out: lib.hg_table_snapshot(*self._place, out))

    def count(self) -> int:
        return _check(lib.hg_table_count(*self._place))

    def expired(self) -> tuple[Sequence[Entry], int | None]:
        """Those that were idle for their timeout, and after how many ns there may be more."""
        following = ffi.new("uint64_t *")
        place = self._place
        entries = self._snapshot(lambda out: lib.hg_table_expired(*place, out, following))
        return entries, None if following[0] == _NEVER else following[0]

    def set_default(self, action: int, params: bytes) -> None:
        self._params[: len(params)] = params
        _check(lib.hg_default_set(*self._place, action, self._entry.params, len(params)))

    def reset_default(self) -> None:
        _check(lib.hg_default_set(*self._place, _PROGRAM_DEFAULT, ffi.NULL, 0))

    def set_counter(self, key: MatchKey | None, value: CounterValue) -> None:
        """Of the entry with that key, or of the default entry."""
        _check(lib.hg_entry_counter_set(*self._place, self._entry_or_null(key), _counter(value)))

    def set_meter(self, key: MatchKey | None, rates: MeterRates | None) -> None:
        """Of the entry with that key, or of the default entry; None: everything is green."""
        _check(lib.hg_entry_meter_set(*self._place, self._entry_or_null(key), _meter(rates)))

    def _fill(self, key: MatchKey) -> None:
        self._key[:] = key.key
        if self._has_mask:
            self._mask[:] = key.mask
        self._entry.priority = key.priority

    def _fill_action(self, action: int, params: bytes, cookie: int, idle_timeout_ns: int) -> None:
        entry = self._entry
        entry.action = action
        self._params[: len(params)] = params
        entry.params_bytes = len(params)
        entry.cookie = cookie
        entry.idle_timeout_ns = idle_timeout_ns

    def _entry_or_null(self, key: MatchKey | None) -> CData:
        if key is None:
            return ffi.NULL
        self._fill(key)
        return self._entry

    def _snapshot(self, take: Callable[[CData], int]) -> Sequence[Entry]:
        out = ffi.new("struct hg_snapshot **")
        _check(take(out))
        return _Snapshot(out[0], self._key_bytes, has_mask=self._has_mask)


class _Snapshot(Sequence[Entry]):
    """Copies of entries, decoded as they are asked for."""

    def __init__(self, snapshot: CData, key_bytes: int, *, has_mask: bool) -> None:
        self._snapshot = ffi.gc(snapshot, lib.hg_snapshot_free)
        self._count: int = lib.hg_snapshot_count(snapshot)
        self._entry = ffi.new("struct hg_read_entry *")
        self._key_bytes = key_bytes
        self._has_mask = has_mask

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self._get(position) for position in range(*index.indices(self._count))]
        return self._get(range(self._count)[index])

    def _get(self, position: int) -> Entry:
        entry, size = self._entry, self._key_bytes
        lib.hg_snapshot_get(self._snapshot, position, entry)
        key = None
        if entry.key != ffi.NULL:
            mask = bytes(ffi.buffer(entry.mask, size)) if self._has_mask else b""
            key = MatchKey(bytes(ffi.buffer(entry.key, size)), mask, entry.priority)
        counter = entry.counter
        return Entry(
            key,
            entry.action,
            bytes(ffi.buffer(entry.params, entry.params_bytes)) if entry.params_bytes else b"",
            entry.cookie,
            entry.idle_timeout_ns,
            entry.idle_ns,
            entry.is_const,
            CounterValue(counter.packets, counter.bytes),
            _rates(entry.meter),
        )


class Counter:
    """An indirect counter: an array of cells."""

    def __init__(self, switch: CData, loaded: CData, index: int) -> None:
        self._place = (switch, loaded, index)

    def get(self, first: int, count: int) -> list[CounterValue]:
        values = ffi.new("struct hg_counter_value[]", count)
        _check(lib.hg_counter_get(*self._place, first, count, values))
        return [CounterValue(values[i].packets, values[i].bytes) for i in range(count)]

    def set(self, index: int, value: CounterValue) -> None:
        _check(lib.hg_counter_set(*self._place, index, _counter(value)))


class Meter:
    """An indirect meter: an array of cells."""

    def __init__(self, switch: CData, loaded: CData, index: int) -> None:
        self._place = (switch, loaded, index)

    def get(self, first: int, count: int) -> list[MeterRates | None]:
        configs = ffi.new("struct hg_meter_config[]", count)
        _check(lib.hg_meter_get(*self._place, first, count, configs))
        return [_rates(configs[i]) for i in range(count)]

    def set(self, index: int, rates: MeterRates | None) -> None:
        _check(lib.hg_meter_set(*self._place, index, _meter(rates)))


class Register:
    """An array of cells, each a number in network order."""

    def __init__(self, switch: CData, loaded: CData, index: int, *, size: int) -> None:
        self._place = (switch, loaded, index)
        self._size = size
        """Bytes of a cell."""

    def get(self, first: int, count: int) -> list[bytes]:
        values = ffi.new("uint8_t[]", count * self._size)
        _check(lib.hg_register_get(*self._place, first, count, values))
        flat = bytes(ffi.buffer(values))
        return [flat[at : at + self._size] for at in range(0, len(flat), self._size)]

    def set(self, first: int, count: int, value: bytes) -> None:
        """All of them to the same."""
        _check(lib.hg_register_set(*self._place, first, count, value))


class Profile:
    """An action profile: members, and choices among them that table entries hold by number."""

    def __init__(self, switch: CData, loaded: CData, index: int) -> None:
        self._place = (switch, loaded, index)

    def action_index(self, name: str) -> int:
        index: int = lib.hg_profile_action_index(*self._place[1:], name.encode())
        if index < 0:
            raise NotFound(f"the compiled pipeline has no action {name} in this action profile")
        return index

    def set_member(self, number: int, action: int, params: bytes) -> None:
        _check(lib.hg_member_set(*self._place, number, action, params, len(params)))

    def clear_member(self, number: int) -> None:
        _check(lib.hg_member_clear(*self._place, number))

    def set_choice(self, number: int, chosen: Sequence[Chosen]) -> None:
        rows = [
            (each.member, each.watched_port is not None, each.watched_port or 0) for each in chosen
        ]
        array = ffi.new("struct hg_chosen[]", rows)
        _check(lib.hg_choice_set(*self._place, number, array, len(rows)))

    def clear_choice(self, number: int) -> None:
        _check(lib.hg_choice_clear(*self._place, number))


class LoadedPipeline:
    """A pipeline whose tables exist; packets see it once it is committed."""

    def __init__(self, switch: CData, loaded: CData) -> None:
        self._switch = switch
        self.handle = loaded

    def table(self, name: str, *, key_bytes: int, params_bytes: int, has_mask: bool) -> Table:
        index = self._find(lib.hg_table_index, "table", name)
        return Table(
            self._switch,
            self.handle,
            index,
            key_bytes=key_bytes,
            params_bytes=params_bytes,
            has_mask=has_mask,
        )

    def counter(self, name: str) -> Counter:
        index = self._find(lib.hg_counter_index, "counter", name)
        return Counter(self._switch, self.handle, index)

    def meter(self, name: str) -> Meter:
        index = self._find(lib.hg_meter_index, "meter", name)
        return Meter(self._switch, self.handle, index)

    def register(self, name: str, *, size: int) -> Register:
        index = self._find(lib.hg_register_index, "register", name)
        return Register(self._switch, self.handle, index, size=size)

    def profile(self, name: str) -> Profile:
        index = self._find(lib.hg_profile_index, "action profile", name)
        return Profile(self._switch, self.handle, index)

    def digests(self) -> list[str]:
        """Names by index; a digest that is sent from several places is there as often."""
        return [
            ffi.string(lib.hg_digest_name(self.handle, index)).decode()
            for index in range(lib.hg_digest_count(self.handle))
        ]

    def digest_bytes(self, index: int) -> int:
        size: int = lib.hg_digest_bytes(self.handle, index)
        return size

    def want_digest(self, index: int, wanted: bool) -> None:
        _check(lib.hg_digest_want(self._switch, self.handle, index, wanted))

    def receive_digests(self, count: int) -> list[DigestMessage]:
        """The oldest ones, at most so many."""
        sizes = [self.digest_bytes(index) for index in range(lib.hg_digest_count(self.handle))]
        stride = max(sizes, default=0)
        which, data = ffi.new("uint32_t[]", count), ffi.new("uint8_t[]", count * stride)
        taken = _check(lib.hg_digest_receive(self._switch, self.handle, which, data, count))
        view = bytes(ffi.buffer(data, taken * stride))
        return [
            DigestMessage(which[i], view[i * stride : i * stride + sizes[which[i]]])
            for i in range(taken)
        ]

    def _find(self, index_of: Callable[[CData, bytes], int], kind: str, name: str) -> int:
        index = index_of(self.handle, name.encode())
        if index < 0:
            raise NotFound(f"the compiled pipeline has no {kind} {name}")
        return index


class Switch:
    """A switch in this process: its ports, its worker, its pipelines, its groups."""

    def __init__(
        self,
        *,
        cpu_port: int = 0,
        max_groups: int = 0,
        io: str = "auto",
        stages: bool = False,
        captures: Path | None = None,
        trace_fd: int = 0,
        workers: int = 1,
        port_queue_ms: int = 0,
        drop_port: int = DROP_PORT,
    ) -> None:
        """`stages`: measure what packets cost in each; `captures`: where to write all ports'.

        `trace_fd`: where to print each packet's way, by pipelines compiled with traces.
        `workers`: threads that forward packets, each those of its own ports.
        `port_queue_ms`: how long a frame waits for a port that has no room; 0: the default.
        `drop_port`: which pipelines are compiled for.
        """
        directory = ffi.NULL
        if captures is not None:
            directory = ffi.new("char[]", os.fsencode(captures))
        values = {
            "io": IO_KINDS[io],
            "cpu_port": cpu_port,
            "max_groups": max_groups,
            "stages": stages,
            "captures": directory,
            "trace_fd": trace_fd,
            "workers": workers,
            "port_queue_ms": port_queue_ms,
        }
        config = ffi.new("struct hg_switch_config *", values)
        out = ffi.new("struct hg_switch **")
        error = ffi.new("char[]", lib.HG_ERROR_BYTES)
        _check_error(lib.hg_switch_new(config, out, error), error)
        self._switch = out[0]
        self.cpu_port = cpu_port or None
        self.traced = trace_fd != 0
        self.drop_port = drop_port
        self._frame = bytearray(_CPU_FRAME_BYTES)
        self._frame_view = ffi.from_buffer("uint8_t[]", self._frame)

    def close(self) -> None:
        """Stops the worker and frees everything; nothing may be called after it."""
        lib.hg_switch_free(self._switch)
        self._switch = ffi.NULL

    def add_port(self, port: int, interface: str) -> None:
        error = ffi.new("char[]", lib.HG_ERROR_BYTES)
        result = lib.hg_port_add(self._switch, port, interface.encode(), error)
        _check_error(result, error)

    def take_bundles(self, port: int) -> None:
        """Bundles that come in by that port are cut up from now on."""
        _check(lib.hg_port_take_bundles(self._switch, port))

    def ports(self) -> list[PortStats]:
        count = _check(lib.hg_port_list(self._switch, ffi.NULL, 0))
        stats = ffi.new("struct hg_port_stats[]", count)
        count = min(count, _check(lib.hg_port_list(self._switch, stats, count)))
        return [_port_stats(stats[i]) for i in range(count)]

    def has_port(self, port: int) -> bool:
        """The CPU port is one, too."""
        return port == self.cpu_port or any(each.port == port for each in self.ports())

    def find_port(self, interface: str) -> int | None:
        """The one that is on that interface."""
        return next((each.port for each in self.ports() if each.interface == interface), None)

    def stats(self) -> SwitchStats:
        stats = ffi.new("struct hg_switch_stats *")
        lib.hg_switch_stats_get(self._switch, stats)
        return SwitchStats(*(getattr(stats, field.name) for field in fields(SwitchStats)))

    def queues(self) -> Queues:
        queues = ffi.new("struct hg_queues *")
        lib.hg_queues_get(self._switch, queues)
        return Queues(*(getattr(queues, field.name) for field in fields(Queues)))

    def stages(self) -> tuple[dict[str, StageCycles], int]:
        """By stage, and how many cycles a second has."""
        cycles = ffi.new("struct hg_stage_cycles[]", lib.HG_STAGES)
        rate: int = lib.hg_stages_get(self._switch, cycles)
        each = (StageCycles(cycles[i].cycles, cycles[i].times) for i in range(lib.HG_STAGES))
        return dict(zip(STAGES, each, strict=True)), rate

    def capture_fd(self) -> int | None:
        """Readable once a capture file could not be written; None: there are none."""
        fd: int = lib.hg_capture_fd(self._switch)
        return None if fd < 0 else fd

    def capture_error(self) -> str | None:
        """Why, once."""
        error = ffi.new("char[]", lib.HG_ERROR_BYTES)
        if lib.hg_capture_error(self._switch, error) < 0:
            return None
        return ffi.string(error).decode(errors="replace")

    def start(self) -> None:
        error = ffi.new("char[]", lib.HG_ERROR_BYTES)
        _check_error(lib.hg_switch_start(self._switch, error), error)

    @contextmanager
    def held(self) -> Generator[None]:
        """No packet is worked on meanwhile: for what must change at once. It does not yield."""
        lib.hg_switch_hold(self._switch)
        try:
            yield
        finally:
            lib.hg_switch_release(self._switch)

    def load(self, path: Path) -> LoadedPipeline:
        out = ffi.new("struct hg_loaded **")
        error = ffi.new("char[]", lib.HG_ERROR_BYTES)
        result = lib.hg_pipeline_load(self._switch, os.fsencode(path), out, error)
        _check_error(result, error)
        return LoadedPipeline(self._switch, out[0])

    def commit(self, pipeline: LoadedPipeline) -> None:
        _check(lib.hg_pipeline_commit(self._switch, pipeline.handle))

    def unload(self, pipeline: LoadedPipeline) -> None:
        _check(lib.hg_pipeline_unload(self._switch, pipeline.handle))

    def insert_group(self, group: int, replicas: Sequence[Replica]) -> None:
        array = _replicas(replicas)
        _check(lib.hg_group_insert(self._switch, group, array, len(replicas)))

    def modify_group(self, group: int, replicas: Sequence[Replica]) -> None:
        array = _replicas(replicas)
        _check(lib.hg_group_modify(self._switch, group, array, len(replicas)))

    def delete_group(self, group: int) -> None:
        _check(lib.hg_group_delete(self._switch, group))

    def insert_session(self, session: int, replicas: Sequence[Replica], max_bytes: int) -> None:
        array = _replicas(replicas)
        _check(lib.hg_session_insert(self._switch, session, array, len(replicas), max_bytes))

    def modify_session(self, session: int, replicas: Sequence[Replica], max_bytes: int) -> None:
        array = _replicas(replicas)
        _check(lib.hg_session_modify(self._switch, session, array, len(replicas), max_bytes))

    def delete_session(self, session: int) -> None:
        _check(lib.hg_session_delete(self._switch, session))

    def digest_fd(self) -> int:
        """Readable while a pipeline's receive_digests() has some."""
        return _check(lib.hg_digest_fd(self._switch))

    def cpu_fd(self) -> int:
        """Readable while packets wait for cpu_receive()."""
        return _check(lib.hg_cpu_fd(self._switch))

    def cpu_receive(self) -> bytes | None:
        """The next packet to the CPU port, or None when there is none."""
        try:
            size = _check(lib.hg_cpu_receive(self._switch, self._frame_view, _CPU_FRAME_BYTES))
        except BlockingIOError:
            return None
        return bytes(self._frame[:size])

    def cpu_send(self, frame: bytes) -> None:
        _check(lib.hg_cpu_send(self._switch, ffi.from_buffer("uint8_t[]", frame), len(frame)))


def _replicas(replicas: Sequence[Replica]) -> CData:
    return ffi.new("struct hg_replica[]", list(replicas))


def _port_stats(stats: CData) -> PortStats:
    values = {field.name: getattr(stats, field.name) for field in fields(PortStats)}
    values["interface"] = ffi.string(stats.interface).decode(errors="replace")
    return PortStats(**values)
