# SPDX-License-Identifier: Apache-2.0
"""Primitives, and what BMv2 makes of headers that are not there."""

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    assign,
    conditional,
    const,
    extract,
    field,
    header,
    op,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
)
from compiled import compiled

WORD: Fields = [("a", 8), ("b", 8)]
A, B = field("h", "a"), field("h", "b")


def acting(*primitives: Json, egress: list[Json] | None = None) -> Json:
    """`h` and `g` arrive, `other` does not; then the primitives run, in ingress or egress."""
    actions = [action("act", *primitives), action("late", *(egress or []))]
    return program(
        {"h": WORD, "g": WORD, "other": WORD},
        metadata={"meta": [("m", 32), ("flag", 1)]},
        states=[state("start", [extract("h"), extract("g")])],
        actions=actions,
        ingress=pipeline("tbl_forward", synthetic("forward", "tbl_act"), synthetic("act")),
        egress=pipeline("tbl_late", synthetic("late")),
        deparser=["h", "g", "other"],
        counter_arrays=[{"name": "counter", "id": 0, "size": 4, "is_direct": False}],
        meter_arrays=[
            {"name": name, "id": n, "size": 4, "rate_count": 2, "type": name, "is_direct": False}
            for n, name in enumerate(("packets", "bytes"))
        ],
    )


def add(name: str) -> Json:
    return primitive("add_header", header(name))


def remove(name: str) -> Json:
    return primitive("remove_header", header(name))


def copy(target: str, source: str) -> Json:
    return primitive("assign_header", header(target), header(source))


SET_OTHER = [assign(field("other", "a"), const(0x0A)), assign(field("other", "b"), const(0x0B))]


@pytest.mark.parametrize(
    ("primitives", "expected"),
    [
        ([], "01020304"),
        ([add("other"), *SET_OTHER], "010203040a0b"),
        # A header that was not valid is cleared; one that was is kept.
        ([*SET_OTHER, add("other")], "010203040000"),
        ([add("h")], "01020304"),
        ([remove("h")], "0304"),
        ([remove("h"), remove("h"), add("h")], "00000304"),
        ([remove("other")], "01020304"),
        ([copy("other", "h")], "010203040102"),
        ([copy("h", "g")], "03040304"),
        # Of a header that is not valid, that alone is copied.
        ([copy("h", "other")], "0304"),
        ([remove("g"), copy("h", "g"), copy("other", "h")], ""),
        # What was in a removed header can still be read.
        ([remove("h"), assign(field("g", "a"), A)], "0104"),
        ([assign(A, B), assign(B, A)], "02020304"),
        ([assign(A, A)], "01020304"),
    ],
)
def test_headers_come_and_go(primitives: list[Json], expected: str) -> None:
    with compiled(acting(*primitives)) as switch:
        assert switch.payload(bytes.fromhex("01020304")).hex() == expected


def test_drop_and_not_drop() -> None:
    drop = primitive("mark_to_drop", header("standard_metadata"))
    with compiled(acting(drop)) as switch:
        assert switch.send(bytes(4)) == []
    with compiled(acting(drop, assign(standard("egress_spec"), const(3)))) as switch:
        assert [out.port for out in switch.send(bytes(4))] == [3]
    with compiled(acting(egress=[drop])) as switch:
        assert switch.send(bytes(4)) == []


def test_drop_takes_back_replication() -> None:
    replicate = assign(standard("mcast_grp"), const(7))
    drop = primitive("mark_to_drop", header("standard_metadata"))
    for steps, ports in (([replicate], [3, 4]), ([replicate, drop], [])):
        with compiled(acting(*steps)) as switch:
            switch.add_group(7, (3, 1), (4, 2))
            assert [out.port for out in switch.send(bytes(4))] == ports


def test_egress_begins_with_a_port_that_does_not_drop() -> None:
    """And what ingress left in egress_spec is not there any more."""
    tell = assign(field("h", "a"), op("b2d", None, op("==", standard("egress_spec"), const(511))))
    with compiled(acting(egress=[tell])) as switch:
        assert switch.payload(bytes.fromhex("ff020304")).hex() == "00020304"


def test_packet_length_in_egress_counts_what_ingress_added() -> None:
    tell = [assign(A, standard("packet_length")), add("other")]
    steps = [add("other"), assign(B, standard("packet_length")), remove("g"), remove("g")]
    with compiled(acting(*steps, add("g"), add("g"), egress=tell)) as switch:
        assert switch.payload(bytes.fromhex("0000000099")).hex() == "07050000000099"
    with compiled(acting(remove("h"), add("other"), copy("h", "g"), egress=tell)) as switch:
        assert switch.payload(bytes.fromhex("00000304")).hex() == "040403040000"


def test_every_replica_has_its_own_headers() -> None:
    replicate = assign(standard("mcast_grp"), const(7))
    mark = assign(A, op("+", A, standard("egress_rid")))
    with compiled(acting(replicate, egress=[mark, assign(B, standard("egress_port"))])) as switch:
        switch.add_group(7, (3, 1), (3, 2), (4, 30))
        outputs = switch.send(bytes.fromhex("10000000"))
        assert [out.frame.hex() for out in outputs] == ["11030000", "12030000", "2e040000"]


def test_jumps() -> None:
    """if (h.a == 1) h.b = 0x11; else h.b = 0x22; then g.a = 0x33"""
    is_one = op("b2d", None, op("==", A, const(1)))
    steps = [
        primitive("_jump_if_zero", {"type": "expression", "value": is_one}, const(3)),
        assign(B, const(0x11)),
        primitive("_jump", const(4)),
        assign(B, const(0x22)),
        assign(field("g", "a"), const(0x33)),
        primitive("_jump", const(6)),
    ]
    with compiled(acting(*steps)) as switch:
        assert switch.payload(bytes.fromhex("01000000")).hex() == "01113300"
        assert switch.payload(bytes.fromhex("02000000")).hex() == "02223300"


def test_exit_ends_the_pipeline_and_not_the_action() -> None:
    actions = [
        action("leave", primitive("exit"), assign(A, const(1))),
        action("maybe", primitive("_jump_if_zero", B, const(2)), primitive("exit")),
        action("after", assign(field("g", "a"), const(9))),
        action("late", assign(field("g", "b"), const(7))),
    ]
    for first, frame, expected in (
        ("leave", "00000000", "01000007"),
        ("maybe", "00010000", "00010007"),
        ("maybe", "00000000", "00000907"),
    ):
        made = program(
            {"h": WORD, "g": WORD},
            actions=actions,
            ingress=pipeline(
                "tbl_forward",
                synthetic("forward", f"tbl_{first}"),
                synthetic(first, "tbl_after"),
                synthetic("after"),
            ),
            egress=pipeline("tbl_late", synthetic("late")),
        )
        with compiled(made) as switch:
            assert switch.payload(bytes.fromhex(frame)).hex() == expected


COUNTER = {"type": "counter_array", "value": "counter"}


@pytest.mark.parametrize(
    ("index", "frame", "cell"),
    [(const(2), "00000000", 2), (A, "03000000", 3), (A, "04000000", None), (const(4), "00", None)],
)
def test_counters(index: Json, frame: str, cell: int | None) -> None:
    """An index beyond the end counts nowhere."""
    data = bytes.fromhex(frame).ljust(60, b"\0")
    with compiled(acting(primitive("count", COUNTER, index))) as switch:
        switch.payload(data)
        switch.payload(data)
        counts = [switch.counter("counter", each) for each in range(4)]
    assert counts == [(2, 120) if each == cell else (0, 0) for each in range(4)]


RATES = {"cir": 1, "cburst": 100, "pir": 1, "pburst": 200}


@pytest.mark.parametrize(
    ("name", "rates", "colours"),
    [
        ("packets", {"cir": 1, "cburst": 1, "pir": 1, "pburst": 2}, [0, 1, 2]),
        ("bytes", {"cir": 1, "cburst": 60, "pir": 1, "pburst": 120}, [0, 1, 2]),
        ("packets", None, [0, 0, 0]),
    ],
)
def test_meters(name: str, rates: dict[str, int] | None, colours: list[int]) -> None:
    meter = {"type": "meter_array", "value": name}
    run = primitive("execute_meter", meter, field("g", "a"), A)
    with compiled(acting(run)) as switch:
        if rates:
            switch.set_meter(name, 1, rates)
        frame = bytes.fromhex("55000100").ljust(60, b"\0")
        assert [switch.payload(frame)[0] for _ in range(3)] == colours
        # Beyond the end: the target keeps what it had.
        beyond = bytes.fromhex("55000400").ljust(60, b"\0")
        assert switch.payload(beyond)[0] == 0x55


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (op("valid", None, header("h")), 1),
        (op("valid", None, header("other")), 0),
        (op("d2b", None, field("h", "$valid$")), 1),
        (op("d2b", None, field("other", "$valid$")), 0),
        (op("not", None, op("valid", None, header("other"))), 1),
        (op("==", header("h"), header("h")), 1),
        (op("!=", header("h"), header("g")), 1),
        # Two headers that are not valid are not equal, to BMv2.
        (op("==", header("other"), header("other")), 0),
        (op("valid", None, header("standard_metadata")), 1),
        (op("==", {"type": "expression", "value": {"op": "access_field", "left": header("g"),
                                                   "right": 1}}, const(4)), 1),
        (op("or", op("==", A, const(1)), op("==", A, const(2))), 1),
        (op("and", op("==", A, const(1)), op("==", B, const(1))), 0),
    ],
)  # fmt: skip
def test_conditions_on_headers(condition: Json, expected: int) -> None:
    made = program(
        {"h": WORD, "g": WORD, "other": WORD},
        states=[state("start", [extract("h"), extract("g")])],
        actions=[action("yes", assign(A, const(1))), action("no", assign(A, const(0)))],
        ingress=pipeline(
            "tbl_forward",
            synthetic("forward", "check"),
            conditional("check", condition, "tbl_yes", "tbl_no"),
            synthetic("yes"),
            synthetic("no"),
        ),
    )
    with compiled(made) as switch:
        assert switch.payload(bytes.fromhex("01020304"))[0] == expected
