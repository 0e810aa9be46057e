# SPDX-License-Identifier: Apache-2.0
"""clone(): of the packet as received, or as it leaves egress; and what of its metadata it keeps."""

import json
from typing import Any

import pytest
from bmv2json import (
    Json,
    action,
    assign,
    conditional,
    const,
    field,
    op,
    parser_op,
    pipeline,
    primitive,
    program,
    standard,
    synthetic,
)
from compiled import Compiled, Output, compiled, refusal

NONE, KEPT = 0, 3
SESSION = 5
PAYLOAD = b"payload of a packet"


def clone(pipeline_: str, fields: int = NONE, session: Json | None = None) -> Json:
    name = f"clone_{pipeline_}_pkt_to_egress"
    return primitive(name, session or const(SESSION), const(fields))


def cloning(ingress: list[Json], egress: list[Json], **more: Any) -> Json:
    """Header h: a, which the program changes, and b, in which egress writes what it sees.

    Ingress: `ingress`, then to port 2. Egress: b = the instance type, the metadata m that
    ingress set to 9, and the ingress port, a byte each; then, of what is no clone, `egress`.
    """
    seen = op(
        "|",
        op("<<", standard("instance_type"), const(16)),
        op("|", op("<<", field("meta", "m"), const(8)), standard("ingress_port")),
    )
    return program(
        {"h": [("a", 8), ("b", 24)]},
        metadata={"meta": [("m", 8), ("lost", 8)]},
        actions=[
            action("start", assign(field("meta", "m"), const(9)), *ingress,
                   assign(field("h", "a"), const(0xAA))),
            action("see", assign(field("h", "b"), seen)),
            action("act", *egress),
        ],
        ingress=pipeline("tbl_start", synthetic("start", "tbl_forward"), synthetic("forward")),
        egress=pipeline(
            "tbl_see",
            synthetic("see", "is_clone"),
            conditional(
                "is_clone",
                op("or", op("==", standard("instance_type"), const(1)),
                   op("==", standard("instance_type"), const(2))),
                None,
                "tbl_act",
            ),
            synthetic("act"),
        ),
        field_lists=[
            {"id": KEPT, "name": "kept", "elements": [field("meta", "m"), standard("ingress_port")]}
        ],
        **more,
    )  # fmt: skip


def send(switch: Compiled, port: int = 7) -> list[Output]:
    return switch.send(b"\x11\0\0\0" + PAYLOAD, port)


def frame(a: int, kind: int, m: int, port: int, payload: bytes = PAYLOAD) -> bytes:
    return bytes([a, kind, m, port]) + payload


ORIGINAL = Output(2, frame(0xAA, 0, 9, 7))


def test_ingress_clones_what_was_received() -> None:
    with compiled(cloning([clone("ingress")], [])) as switch:
        switch.add_session(SESSION, (4, 1), (3, 2))
        copy = frame(0x11, 1, 0, 0)
        assert send(switch) == [Output(4, copy), Output(3, copy), ORIGINAL]


def test_a_clone_of_ingress_keeps_its_field_list_as_it_is_at_the_end() -> None:
    made = cloning([clone("ingress", KEPT), assign(field("meta", "m"), const(8))], [])
    with compiled(made) as switch:
        switch.add_session(SESSION, (4, 0))
        assert send(switch) == [Output(4, frame(0x11, 1, 8, 7)), Output(2, frame(0xAA, 0, 8, 7))]


def test_egress_clones_what_leaves_it() -> None:
    changed = [clone("egress"), assign(field("h", "a"), const(0xBB))]
    with compiled(cloning([], changed)) as switch:
        switch.add_session(SESSION, (4, 0))
        assert send(switch) == [Output(4, frame(0xBB, 2, 0, 0)), Output(2, frame(0xBB, 0, 9, 7))]


def test_a_clone_of_egress_keeps_its_field_list() -> None:
    with compiled(cloning([], [clone("egress", KEPT)])) as switch:
        switch.add_session(SESSION, (4, 0))
        assert send(switch) == [Output(4, frame(0xAA, 2, 9, 7)), ORIGINAL]


def test_a_packet_that_is_dropped_is_cloned_all_the_same() -> None:
    drop = primitive("mark_to_drop", {"type": "header", "value": "standard_metadata"})
    for made in (
        cloning([clone("ingress"), drop], []),
        cloning([], [clone("egress"), drop]),
    ):
        made["actions"][0]["primitives"] = []  # port 2 is not forced on it
        with compiled(made) as switch:
            switch.add_session(SESSION, (4, 0))
            assert [each.port for each in send(switch)] == [4]


def test_without_a_session_nothing_is_cloned() -> None:
    with compiled(cloning([clone("ingress")], [clone("egress")])) as switch:
        assert send(switch) == [ORIGINAL]


def test_a_session_has_15_bits() -> None:
    computed = op("+", standard("ingress_port"), const(0x8000 + 1))
    argument: Json = {"type": "expression", "value": computed}
    with compiled(cloning([clone("ingress", session=argument)], [])) as switch:
        switch.add_session(8, (4, 0))
        assert [each.port for each in send(switch, port=7)] == [4, 2]
        assert [each.port for each in send(switch, port=8)] == [2]


@pytest.mark.parametrize("length", [4, 7, 23, 24])
def test_a_session_cuts_its_clones(length: int) -> None:
    for made, kind in ((cloning([clone("ingress")], []), 1), (cloning([], [clone("egress")]), 2)):
        with compiled(made) as switch:
            switch.add_session(SESSION, (4, 0), max_bytes=length)
            copy, original = send(switch)
            assert original == ORIGINAL
            assert copy.frame[1] == kind
            assert copy.frame[4:] == PAYLOAD[: length - 4]


def test_shorter_than_the_headers_a_clone_is_parsed_as_what_is_left() -> None:
    with compiled(cloning([clone("ingress")], [])) as switch:
        switch.add_session(SESSION, (4, 0), max_bytes=3)
        copy, _ = send(switch)
        assert copy == Output(4, bytes([0x11, 0, 0]))  # too short for h


def test_clones_of_clones_end() -> None:
    made = cloning([], [clone("egress")])
    made["pipelines"][1]["conditionals"][0]["true_next"] = "tbl_act"
    with compiled(made) as switch:
        switch.add_session(SESSION, (4, 0))
        assert [each.port for each in send(switch)] == [4, 4, 4, 4, 2]


def test_a_list_may_have_the_number_0() -> None:
    made = cloning([clone("ingress", 0)], [])
    made["field_lists"][0]["id"] = 0
    with compiled(made) as switch:
        switch.add_session(SESSION, (4, 0))
        assert send(switch) == [Output(4, frame(0x11, 1, 9, 7)), ORIGINAL]


def in_the_wrong_place(made: Json) -> None:
    made["actions"][1]["primitives"][1] = clone("egress")


def in_the_parser(made: Json) -> None:
    ops = made["parsers"][0]["parse_states"][0]["parser_ops"]
    ops.append(parser_op("primitive", clone("ingress")))


def of_another_list(made: Json) -> None:
    made["actions"][1]["primitives"][1] = clone("ingress", 4)


def of_a_computed_list(made: Json) -> None:
    made["actions"][1]["primitives"][1]["parameters"][1] = field("meta", "m")


def of_a_header(made: Json) -> None:
    made["field_lists"][0]["elements"] = [{"type": "header", "value": "h"}]


REFUSED = {
    "a clone of egress in ingress (action 'start'): not supported": in_the_wrong_place,
    "a clone of ingress in parser (state 'start'): not supported": in_the_parser,
    "is not a field list": of_another_list,
    "a field list that is computed: not supported": of_a_computed_list,
    "a field list's element of type 'header': not supported": of_a_header,
}


@pytest.mark.parametrize(("message", "spoil"), REFUSED.items())
def test_refused_by_name(message: str, spoil: Any) -> None:
    made = json.loads(json.dumps(cloning([clone("ingress", KEPT)], [])))
    assert refusal(made) == ""
    spoil(made)
    assert message in refusal(made)
