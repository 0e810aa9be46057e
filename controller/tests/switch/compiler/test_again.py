# SPDX-License-Identifier: Apache-2.0
"""resubmit(), recirculate(), truncate(): what goes again, what leaves of it, and that it ends.

And externs that act on the packet as a whole: random(), assert(), log_msg().
"""

import json
from typing import Any

import pytest
from bmv2json import (
    Json,
    action,
    argument,
    assign,
    conditional,
    const,
    extract,
    field,
    op,
    parser_op,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
)
from compiled import Output, compiled, refusal

KEPT = 4
PAYLOAD = b"payload of a packet"
M, A, B = field("meta", "m"), field("h", "a"), field("h", "b")


def add(target: Json, value: int = 1) -> Json:
    return assign(target, op("&", op("+", target, const(value)), const(0xFF)))


def going(ingress: list[Json], egress: list[Json], when: Json, **more: Any) -> Json:
    """m counts passes, and is kept; while `when`, `ingress` or `egress` run.

    What leaves is h: a, which `egress` may change, m, the instance type, the ingress port.
    """
    seen = [
        assign(B, M),
        assign(field("h", "type"), standard("instance_type")),
        assign(field("h", "port"), standard("ingress_port")),
    ]
    return program(
        {"h": [("a", 8), ("b", 8), ("type", 8), ("port", 8)]},
        metadata={"meta": [("m", 8), ("lost", 8), ("r", 64)]},
        actions=[
            action("count", add(M), add(field("meta", "lost"))),
            action("first", *ingress),
            action("second", *egress),
            action("see", *seen),
        ],
        ingress=pipeline(
            "tbl_count",
            synthetic("count", "again"),
            conditional("again", when, "tbl_first", "tbl_forward"),
            synthetic("first", "tbl_forward"),
            synthetic("forward"),
        ),
        egress=pipeline(
            "tbl_see",
            synthetic("see", "leaves"),
            conditional("leaves", when, "tbl_second", None),
            synthetic("second"),
        ),
        field_lists=[{"id": KEPT, "name": "kept", "elements": [M]}],
        **more,
    )


def at_first(passes: int) -> Json:
    return op("<", M, const(passes))


RESUBMIT = primitive("resubmit", const(KEPT))
RECIRCULATE = primitive("recirculate", const(KEPT))
FRAME = bytes([0x11, 0, 0, 0]) + PAYLOAD


def left(a: int, passes: int, kind: int, port: int, payload: bytes = PAYLOAD) -> list[Output]:
    return [Output(2, bytes([a, passes, kind, port]) + payload)]


def test_a_packet_is_resubmitted_as_it_was_received() -> None:
    with compiled(going([RESUBMIT, add(A)], [], at_first(3))) as switch:
        # The instance type of what leaves ingress is NORMAL again, as in BMv2.
        assert switch.send(FRAME, 7) == left(0x11, 3, 0, 0)
        assert switch.send(FRAME, 7) == left(0x11, 3, 0, 0)


def test_resubmission_comes_before_all_that_ingress_decided() -> None:
    drop = primitive("mark_to_drop", {"type": "header", "value": "standard_metadata"})
    for decision in (drop, assign(standard("mcast_grp"), const(9))):
        with compiled(going([RESUBMIT, decision], [], at_first(2))) as switch:
            assert switch.send(FRAME, 7) == left(0x11, 2, 0, 0)


def test_a_packet_is_recirculated_as_it_would_have_left() -> None:
    with compiled(going([], [RECIRCULATE, add(A)], at_first(4))) as switch:
        assert switch.send(FRAME, 7) == left(0x14, 4, 0, 0)


def test_what_is_dropped_does_not_go_again() -> None:
    drop = primitive("mark_to_drop", {"type": "header", "value": "standard_metadata"})
    with compiled(going([], [RECIRCULATE, drop], at_first(4))) as switch:
        assert switch.send(FRAME) == []


def test_every_replica_may_go_again() -> None:
    """What was received leaves first, for all ports, then what came of it."""
    first = op("==", standard("egress_rid"), const(2))
    when = op("and", at_first(2), op("or", first, op("==", standard("egress_rid"), const(0))))
    made = going([assign(standard("mcast_grp"), const(1))], [RECIRCULATE], when)
    with compiled(made) as switch:
        switch.add_group(1, (4, 1), (5, 2), (6, 3))
        outputs = switch.send(FRAME, 7)
    assert [output.port for output in outputs] == [4, 6, 2]
    assert outputs[2] == left(0x11, 2, 0, 0)[0]


@pytest.mark.parametrize(("ingress", "egress"), [([RESUBMIT], []), ([], [RECIRCULATE])])
def test_it_ends(ingress: list[Json], egress: list[Json]) -> None:
    with compiled(going(ingress, egress, {"type": "bool", "value": True})) as switch:
        for count in (1, 2):
            assert switch.send(FRAME) == []
            assert switch.stats()["dropped_again"] == count
            assert switch.stats()["ingress_packets"] == count


def test_a_packet_that_grows_is_too_long_at_some_time() -> None:
    header = {"type": "header", "value": "more"}
    made = going([], [primitive("add_header", header), RECIRCULATE], at_first(200))
    made["headers"].append({"name": "more", "id": 9, "header_type": "more_t", "metadata": False})
    fields = [[f"w{number}", 128] for number in range(60)]
    made["header_types"].append({"name": "more_t", "id": 9, "fields": fields})
    made["deparsers"][0]["order"].append("more")
    with compiled(made) as switch:
        assert switch.send(FRAME) == []
        assert switch.stats()["dropped_again"] == 1
        assert switch.send(FRAME[:3]) == []


def test_what_ingress_clones_of_a_packet_that_goes_again() -> None:
    clone = primitive("clone_ingress_pkt_to_egress", const(5), const(0))
    with compiled(going([clone, RESUBMIT], [], at_first(3))) as switch:
        switch.add_session(5, (4, 0))
        copy = Output(4, bytes([0x11, 0, 1, 0]) + PAYLOAD)
        assert switch.send(FRAME, 7) == [copy, copy, *left(0x11, 3, 0, 0)]


def test_a_field_list_keeps_very_wide_fields_and_those_of_no_bits() -> None:
    made = going([RESUBMIT], [], op("<", M, const(2)))
    meta = next(each for each in made["header_types"] if each["name"].startswith("meta"))
    meta["fields"] += [["wide", 339, False], ["none", 0, False]]
    made["field_lists"][0]["elements"] += [field("meta", "wide"), field("meta", "none")]
    with compiled(made) as switch:
        assert switch.payload(bytes(4) + PAYLOAD)[1] == 2


# ---- truncate() ---------------------------------------------------------------------


def truncate(length: Json) -> Json:
    return primitive("truncate", length)


@pytest.mark.parametrize("length", [0, 1, 4, 7, 23, 24, 60])
def test_less_leaves(length: int) -> None:
    for ingress, egress in (([truncate(const(length))], []), ([], [truncate(const(length))])):
        with compiled(going(ingress, egress, {"type": "bool", "value": True})) as switch:
            full = left(0x11, 1, 0, 7)[0].frame
            assert switch.send(FRAME, 7) == ([Output(2, full[:length])] if length else [])


def test_of_several_lengths_the_least_counts() -> None:
    lengths = [truncate(const(each)) for each in (9, 6, 12)]
    with compiled(going(lengths[:2], lengths[2:], {"type": "bool", "value": True})) as switch:
        assert len(switch.payload(FRAME)) == 6
        assert len(switch.payload(FRAME)) == 6


def test_every_copy_is_cut_by_itself() -> None:
    """What ingress asked for is not for copies, as in BMv2."""
    cut = op("==", standard("egress_rid"), const(2))
    when = op("or", cut, op("==", standard("egress_rid"), const(0)))
    ingress = [assign(standard("mcast_grp"), const(1)), truncate(const(3))]
    with compiled(going(ingress, [truncate(const(10))], when)) as switch:
        switch.add_group(1, (4, 1), (5, 2), (6, 3))
        assert [len(each.frame) for each in switch.send(FRAME)] == [23, 10, 23]


# ---- loops in actions -----------------------------------------------------------------


def looping(step: int) -> Json:
    """a += 1, m += step until m is 0."""
    jump = primitive("_jump_if_zero", argument(op("b2d", None, op("==", M, const(0)))), const(0))
    body = [add(A), add(M, step), jump]
    return going(body, [], {"type": "bool", "value": True})


def test_an_action_may_loop() -> None:
    with compiled(looping(5)) as switch:  # 1 + 51 * 5 = 256
        assert switch.payload(FRAME)[0] == 0x11 + 51


def test_a_loop_without_end_drops_the_packet() -> None:
    with compiled(looping(2)) as switch:
        assert switch.send(FRAME) == []
        assert switch.stats()["dropped_stuck"] == 1


# ---- random(), assert(), log_msg() ------------------------------------------------------


def test_random_numbers() -> None:
    """Every number of the range comes; a range the wrong way round changes nothing."""
    draw = primitive("modify_field_rng_uniform", A, const(3), field("h", "b"))
    with compiled(going([draw], [], {"type": "bool", "value": True})) as switch:
        drawn = {switch.payload(bytes([0x11, 12, 0, 0]))[0] for _ in range(500)}
        assert drawn == set(range(3, 13))
        assert switch.payload(bytes([0x11, 3, 0, 0]))[0] == 3
        assert switch.payload(bytes([0x11, 2, 0, 0]))[0] == 0x11


def test_the_widest_random_number() -> None:
    wide = field("meta", "r")
    draw = primitive("modify_field_rng_uniform", wide, const(0), const((1 << 64) - 1))
    top = assign(A, op(">>", wide, const(56)))
    with compiled(going([draw, top], [], {"type": "bool", "value": True})) as switch:
        assert len({switch.payload(FRAME)[0] for _ in range(200)}) > 50


@pytest.mark.parametrize("name", ["assert", "assume"])
def test_what_does_not_hold_drops_the_packet(name: str) -> None:
    """BMv2 ends itself."""
    holds = argument(op("b2d", None, op("==", A, const(0x11))))
    for ingress, egress in (([primitive(name, holds)], []), ([], [primitive(name, holds)])):
        with compiled(going(ingress, egress, {"type": "bool", "value": True})) as switch:
            assert len(switch.send(FRAME)) == 1
            assert switch.send(b"\x12" + FRAME[1:]) == []
            assert switch.stats()["dropped_assertions"] == 1


def test_messages_for_a_log() -> None:
    values = {"type": "parameters_vector", "value": [A, const(5)]}
    log = primitive("log_msg", {"type": "string", "value": "a is {}, not {}"}, values)
    with compiled(going([log], [], {"type": "bool", "value": True})) as switch:
        assert switch.payload(FRAME)[0] == 0x11


# ---- places ------------------------------------------------------------------------------


def in_ingress(made: Json) -> None:
    made["actions"][2]["primitives"] = [RECIRCULATE]


def in_egress(made: Json) -> None:
    made["actions"][3]["primitives"] = [RESUBMIT]


def in_the_parser(made: Json) -> None:
    ops = [extract("h"), parser_op("primitive", truncate(const(3)))]
    made["parsers"][0]["parse_states"] = [state("start", ops)]


def of_another_list(made: Json) -> None:
    made["actions"][2]["primitives"] = [primitive("resubmit", const(9))]


def of_no_list(made: Json) -> None:
    made["actions"][2]["primitives"] = [primitive("resubmit", const(0))]


REFUSED = {
    "recirculation in ingress (action 'first'): not supported": in_ingress,
    "resubmission in egress (action 'second'): not supported": in_egress,
    "truncation in parser (state 'start'): not supported": in_the_parser,
    "is not a field list": of_another_list,
    "no field list here: not supported": of_no_list,
}


@pytest.mark.parametrize(("message", "spoil"), REFUSED.items())
def test_refused_by_name(message: str, spoil: Any) -> None:
    made = json.loads(json.dumps(going([RESUBMIT], [RECIRCULATE], at_first(2))))
    assert refusal(made) == ""
    spoil(made)
    assert message in refusal(made)
