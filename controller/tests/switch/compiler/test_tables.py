# SPDX-License-Identifier: Apache-2.0
"""Keys of every match kind, entries of the program's own, and what follows a table."""

import json
from typing import Any

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    assign,
    entry,
    extract,
    field,
    key,
    parameter,
    pipeline,
    program,
    state,
    synthetic,
    table,
)
from bmv2json import const as value
from compiled import Compiled, compiled

HEADER: Fields = [("nine", 9), ("pad", 7), ("wide", 40), ("i8", 8, True), ("out", 8)]
BYTES = 9

MARK = action("mark", assign(field("h", "out"), parameter(0)), parameters=[("value", 8)])
NONE = action("none")


def frame(nine: int = 0, wide: int = 0, i8: int = 0) -> bytes:
    return (nine << 7).to_bytes(2, "big") + wide.to_bytes(5, "big") + bytes([i8, 0])


def with_table(keys: list[Json], following: Any = None, **more: Any) -> Json:
    """Table `t` on header h; header `gone` is never there."""
    meters = more.pop("meter_arrays", [])
    nodes = [
        table("t", keys, ["mark", "none"], ("mark", 0xDD), following or "tbl_forward", **more),
        synthetic("forward"),
        synthetic("hit", "tbl_forward"),
        synthetic("miss", "tbl_forward"),
    ]
    return program(
        {"h": HEADER, "gone": HEADER, "note": [("x", 8)]},
        metadata={"meta": [("colour", 32)]},
        states=[state("start", [extract("h")])],
        actions=[
            MARK,
            NONE,
            action("hit", assign(field("h", "pad"), value(1))),
            action("miss", assign(field("h", "pad"), value(2))),
        ],
        ingress=pipeline("t", *nodes),
        deparser=["h"],
        meter_arrays=meters,
    )


def mark(switch: Compiled, sent: bytes) -> int:
    return switch.payload(sent)[-1]


Frames = list[dict[str, int]]
MATCHES: list[tuple[str, str, str, str | None, Frames, Frames]] = [
    ("exact", "nine", "0123", None, [{"nine": 0x123}], [{"nine": 0x122}, {}]),
    ("exact", "wide", "0102030405", None, [{"wide": 0x0102030405}], [{}]),
    ("exact", "i8", "ff", None, [{"i8": 0xFF}], [{"i8": 0x7F}]),
    ("lpm", "wide", "0102000000", "ffff000000", [{"wide": 0x0102FFFFFF}], [{"wide": 1}]),
    ("lpm", "nine", "0000", "0000", [{"nine": 0x1FF}, {}], []),
    ("ternary", "wide", "0000000405", "000000ffff", [{"wide": 0x9999990405}], [{"wide": 4}]),
    ("range", "nine", "0010", "0120", [{"nine": 0x10}, {"nine": 0x120}], [{"nine": 0x121}, {}]),
]


@pytest.mark.parametrize(("match", "name", "entry_key", "mask", "hits", "misses"), MATCHES)
def test_match_kinds(
    match: str,
    name: str,
    entry_key: str,
    mask: str | None,
    hits: Frames,
    misses: Frames,
) -> None:
    with compiled(with_table([key(match, "h", name)])) as switch:
        switch.insert(
            "t",
            bytes.fromhex(entry_key),
            "mark",
            b"\x42",
            mask=bytes.fromhex(mask) if mask else None,
            priority=1 if match in ("ternary", "range") else 0,
        )
        assert [mark(switch, frame(**each)) for each in hits] == [0x42] * len(hits)
        assert [mark(switch, frame(**each)) for each in misses] == [0xDD] * len(misses)


def test_fields_of_a_header_that_is_not_there_match_as_zero() -> None:
    keys = [key("exact", "gone", "wide"), key("exact", "gone", "$valid$"), key("exact", "h", "i8")]
    with compiled(with_table(keys)) as switch:
        switch.insert("t", bytes(5) + b"\0\7", "mark", b"\x42")
        assert mark(switch, frame(i8=7)) == 0x42


def test_validity_as_a_key() -> None:
    keys = [
        key("exact", "h", "$valid$"),
        {"match_type": "valid", "target": "gone", "name": "gone", "mask": None},
        key("exact", "h", "i8"),
    ]
    with compiled(with_table(keys)) as switch:
        switch.insert("t", b"\1\0\0", "mark", b"\x42")
        assert mark(switch, frame()) == 0x42


def test_a_table_without_a_key_has_its_default() -> None:
    with compiled(with_table([])) as switch:
        assert mark(switch, frame()) == 0xDD
        switch.set_default("t", "mark", b"\x11")
        assert mark(switch, frame()) == 0x11
        switch.set_default("t", "none")
        assert mark(switch, frame()) == 0


def test_what_p4c_made_of_statements_is_no_table() -> None:
    with compiled(with_table([])) as switch:
        assert switch.has_table("t")
        assert not switch.has_table("tbl_forward")


def ternary(wanted: str, mask: str) -> Json:
    return {"match_type": "ternary", "key": wanted, "mask": mask}


def test_entries_of_the_program_keep_bmv2s_order() -> None:
    """To BMv2 the smaller priority wins."""
    entries = [
        entry([ternary("0x00", "0x00")], "mark", 1, priority=30),
        entry([ternary("0x81", "0x81")], "mark", 2, priority=10),
        entry([ternary("0x80", "0x80")], "mark", 3, priority=20),
    ]
    made = with_table([key("ternary", "h", "i8")], entries=entries)
    with compiled(made) as switch:
        assert switch.entry_count("t") == 3
        assert [mark(switch, frame(i8=each)) for each in (0x81, 0x80, 0x01)] == [2, 3, 1]


def test_entries_of_every_kind() -> None:
    keys = [
        key("exact", "h", "i8"),
        key("lpm", "h", "wide"),
        key("range", "h", "nine"),
        {"match_type": "valid", "target": "gone", "name": "gone", "mask": None},
    ]
    parts = [
        {"match_type": "exact", "key": "0x05"},
        {"match_type": "lpm", "key": "0x0102030405", "prefix_length": 12},
        {"match_type": "range", "start": "0x0010", "end": "0x0120"},
        {"match_type": "valid", "key": False},
    ]
    entries = [entry(parts, "mark", 0x42, priority=1)]
    with compiled(with_table(keys, entries=entries)) as switch:
        assert mark(switch, frame(nine=0x10, wide=0x010F000000, i8=5)) == 0x42
        for wrong in ({"nine": 0x0F}, {"wide": 0x0112000000}, {"i8": 4}):
            assert (
                mark(switch, frame(**{"nine": 16, "wide": 0x0102 << 24, "i8": 5} | wrong)) == 0xDD
            )


def test_entries_of_an_lpm_table_need_no_priority() -> None:
    def lpm(wanted: str, prefix: int) -> Json:
        return {"match_type": "lpm", "key": wanted, "prefix_length": prefix}

    entries = [
        entry([lpm("0x0100000000", 8)], "mark", 1),
        entry([lpm("0x0102000000", 16)], "mark", 2),
        entry([lpm("0x0000000000", 0)], "mark", 3),
    ]
    with compiled(with_table([key("lpm", "h", "wide")], entries=entries)) as switch:
        wides = (0x0102 << 24, 0x0103 << 24, 0)
        assert [mark(switch, frame(wide=each)) for each in wides] == [2, 1, 3]


@pytest.mark.parametrize(
    ("following", "pads"),
    [
        ({"__HIT__": "tbl_hit", "__MISS__": "tbl_miss"}, (1, 1, 2)),
        ({"__HIT__": "tbl_forward", "__MISS__": "tbl_miss"}, (0, 0, 2)),
        # By the action, be it an entry's or the default.
        ({"mark": "tbl_hit", "none": "tbl_miss"}, (1, 2, 1)),
    ],
)
def test_what_follows_a_table(following: dict[str, str], pads: tuple[int, int, int]) -> None:
    with compiled(with_table([key("exact", "h", "i8")], following)) as switch:
        switch.insert("t", b"\1", "mark", b"\x42")
        switch.insert("t", b"\2", "none")
        found = tuple(switch.payload(frame(i8=each))[1] & 0x7F for each in (1, 2, 3))
        assert found == pads


def test_direct_counters_count_hits() -> None:
    made = with_table([key("exact", "h", "i8")], with_counters=True)
    with compiled(made) as switch:
        switch.insert("t", b"\1", "mark", b"\x42")
        for each in (1, 1, 2):
            switch.payload(frame(i8=each))
        assert switch.direct_counter("t", b"\1") == (2, 2 * BYTES)


def test_direct_meters_colour_before_the_action_runs() -> None:
    meter = {
        "name": "m",
        "id": 0,
        "size": 16,
        "rate_count": 2,
        "type": "packets",
        "is_direct": True,
        "result_target": ["h", "out"],
    }
    made = with_table([key("exact", "h", "i8")], direct_meters="m", meter_arrays=[meter])
    with compiled(made) as switch:
        switch.insert("t", b"\1", "none")
        switch.set_direct_meter("t", b"\1", {"cir": 1, "cburst": 1, "pir": 1, "pburst": 2})
        assert [mark(switch, frame(i8=1)) for _ in range(3)] == [0, 1, 2]
        assert mark(switch, frame(i8=9)) == 0xDD


def test_a_table_that_no_packet_reaches_can_be_written() -> None:
    made = with_table([key("exact", "h", "i8")])
    made["pipelines"][0]["init_table"] = "tbl_forward"
    with compiled(made) as switch:
        switch.insert("t", b"\1", "mark", b"\x42")
        assert switch.entry_count("t") == 1
        assert mark(switch, frame(i8=1)) == 0


def test_an_action_may_be_called_member() -> None:
    """As one of SONiC's is, make_tagged_member: it has nothing to do with action profiles."""
    made = with_table([key("exact", "h", "nine")])
    text = json.dumps(made).replace('"mark"', '"make_member"')
    with compiled(json.loads(text)) as switch:
        switch.insert("t", b"\x00\x01", "make_member", b"\x07")
        assert mark(switch, frame(nine=1)) == 7
