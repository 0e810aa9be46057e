# SPDX-License-Identifier: Apache-2.0
"""Copies of a packet share one PHV: each must find it as ingress left it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from bmv2json import (
    Json,
    action,
    assign,
    conditional,
    const,
    extract,
    field,
    header,
    key,
    op,
    parameter,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
    table,
)
from compiled import Compiled, Output, compiled

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend import load_program
from hectograph.switch.compiler.liveness import Place, changes_length, restored

GROUP, SESSION, KEPT = 3, 5, 1
A, B, C = field("h", "a"), field("h", "b"), field("h", "c")
M, N = field("meta", "m"), field("meta", "n")
RID = standard("egress_rid")


def increase(target: Json, by: Json | None = None) -> Json:
    return assign(target, op("&", op("+", target, by or const(1)), const(0xFF)))


def replicating(
    *egress: Json, ingress: Sequence[Json] = (), nodes: Json | None = None, **more: Any
) -> Json:
    """Headers h (a, b, c) and extra (x), which is not received. Ingress sets m to 7 and n to 9."""
    return program(
        {"h": [("a", 8), ("b", 8), ("c", 8)], "extra": [("x", 8)]},
        metadata={"meta": [("m", 8), ("n", 8)]},
        states=[state("start", [extract("h")])],
        actions=[
            action("start", assign(M, const(7)), assign(N, const(9)),
                   assign(standard("mcast_grp"), const(GROUP)), *ingress),
            action("act", *egress),
            *more.pop("actions", ()),
        ],
        ingress=pipeline("tbl_start", synthetic("start")),
        egress=nodes or pipeline("tbl_act", synthetic("act")),
        **more,
    )  # fmt: skip


FIRST, SECOND, THIRD = (2, 1), (2, 2), (3, 1)


def copies(made: Json) -> list[bytes]:
    """Of a packet with a = 1, b = 2, c = 3, in replicas with the instances 1, 2 and 1."""
    with compiled(made) as switch:
        return [each.frame for each in send(switch)]


def send(switch: Compiled) -> list[Output]:
    switch.add_group(GROUP, FIRST, SECOND, THIRD)
    return switch.send(b"\1\2\3rest")


def loaded(made: Json) -> ir.Program:
    return load_program(json.dumps(made), "test")


def names(made: Json) -> list[str]:
    return [_name(each) for each in restored(loaded(made))]


def _name(place: Place) -> str:
    if isinstance(place, ir.Stack):
        return place.name
    if isinstance(place, ir.Validity):
        return f"{place.header.name}.$valid$"
    return f"{place.header.name}.{place.field.name}"


def test_metadata_of_ingress_that_egress_reads_and_changes() -> None:
    made = replicating(increase(M), assign(A, M))
    assert names(made) == ["meta.m", "h.a"]
    assert copies(made) == [b"\x08\2\3rest"] * 3


def test_metadata_that_egress_only_reads() -> None:
    made = replicating(assign(A, M))
    assert names(made) == ["h.a"]
    assert copies(made) == [b"\7\2\3rest"] * 3


def test_metadata_that_egress_writes_before_it_reads_it() -> None:
    made = replicating(assign(M, RID), increase(M), assign(A, M))
    assert names(made) == ["h.a"]
    assert copies(made) == [b"\2\2\3rest", b"\3\2\3rest", b"\2\2\3rest"]


def test_metadata_that_only_some_paths_write_first() -> None:
    """Instance 1 leaves in m what instance 2 must not find."""
    nodes = pipeline(
        "is_first",
        conditional("is_first", op("==", RID, const(1)), "tbl_mark", "tbl_act"),
        synthetic("mark", "tbl_act"),
        synthetic("act"),
    )
    made = replicating(assign(A, M), nodes=nodes, actions=[action("mark", assign(M, const(0x55)))])
    assert names(made) == ["meta.m", "h.a"]
    assert copies(made) == [b"\x55\2\3rest", b"\7\2\3rest", b"\x55\2\3rest"]


def test_metadata_that_only_some_actions_of_a_table_write_first() -> None:
    nodes = pipeline(
        "choose",
        table("choose", [key("exact", "standard_metadata", "egress_rid")], ["mark", "skip"],
              ("skip",), "tbl_act"),
        synthetic("act"),
    )  # fmt: skip
    made = replicating(
        assign(A, M),
        nodes=nodes,
        actions=[
            action("mark", assign(M, parameter(0)), parameters=[("value", 8)]),
            action("skip"),
        ],
    )
    assert "meta.m" in names(made)
    with compiled(made) as switch:
        switch.insert("choose", b"\0\1", "mark", b"\x55")
        assert [each.frame[0] for each in send(switch)] == [0x55, 7, 0x55]
    both = [action("mark", assign(M, parameter(0)), parameters=[("value", 8)])]
    nodes["tables"][0] = table(
        "choose", [key("exact", "standard_metadata", "egress_rid")], ["mark"], ("mark", 4),
        "tbl_act",
    )  # fmt: skip
    assert "meta.m" not in names(replicating(assign(A, M), nodes=nodes, actions=both))


def test_a_jump_over_the_write() -> None:
    not_second: Json = {"type": "expression", "value": op("-", RID, const(2))}
    jump = primitive("_jump_if_zero", not_second, const(2))
    made = replicating(jump, assign(M, const(0x55)), assign(A, M))
    assert names(made) == ["meta.m", "h.a"]
    assert copies(made) == [b"\x55\2\3rest", b"\7\2\3rest", b"\x55\2\3rest"]


def test_exit_before_the_write() -> None:
    """Instance 1 leaves without it; the checksum is updated all the same."""
    nodes = pipeline(
        "is_first",
        conditional("is_first", op("==", RID, const(1)), "tbl_leave", "tbl_act"),
        synthetic("leave", "tbl_act"),
        synthetic("act"),
    )
    made = replicating(
        assign(M, const(0x55)),
        nodes=nodes,
        actions=[action("leave", primitive("exit"))],
        **checksum_in_c(N, M),
    )
    assert names(made) == ["meta.m", "h.c"]
    assert [each[2] for each in copies(made)] == [0xF8, 0xAA, 0xF8]  # ~7, ~0x55


def test_a_register_index_beyond_the_end_writes_nothing() -> None:
    register: Json = {"type": "register_array", "value": "r"}
    made = replicating(
        primitive("register_read", M, register, RID),
        assign(A, M),
        register_arrays=[{"name": "r", "id": 0, "size": 2, "bitwidth": 8}],
    )
    assert names(made) == ["meta.m", "h.a"]
    assert copies(made) == [b"\0\2\3rest", b"\7\2\3rest", b"\0\2\3rest"]


def test_fields_of_a_header() -> None:
    made = replicating(increase(A), increase(C, by=RID))
    assert names(made) == ["h.a", "h.c"]
    assert copies(made) == [b"\2\2\4rest", b"\2\2\5rest", b"\2\2\4rest"]


def test_a_header_removed() -> None:
    made = replicating(primitive("remove_header", header("h")))
    assert names(made) == ["h.$valid$"]
    assert changes_length(loaded(made))
    assert copies(made) == [b"rest"] * 3


def test_a_header_added() -> None:
    """Its field is zero in each copy before it is added to."""
    made = replicating(
        primitive("add_header", header("extra")), increase(field("extra", "x"), by=RID)
    )
    assert names(made) == ["extra.x", "extra.$valid$"]
    assert copies(made) == [b"\1\2\3\1rest", b"\1\2\3\2rest", b"\1\2\3\1rest"]


def test_a_header_copied_over() -> None:
    made = replicating(
        increase(B),
        primitive("assign_header", header("g"), header("h")),
        increase(A),
    )
    made["headers"].append({**made["headers"][2], "name": "g", "id": 9})
    made["deparsers"][0]["order"].append("g")
    assert names(made) == ["h.a", "h.b", "g.a", "g.b", "g.c", "g.$valid$"]
    assert copies(made) == [b"\2\3\3\1\3\3rest"] * 3


def test_the_length_of_each_copy_begins_anew() -> None:
    made = replicating(
        assign(A, standard("packet_length")), primitive("add_header", header("extra"))
    )
    assert changes_length(loaded(made))
    assert copies(made) == [b"\7\2\3\0rest"] * 3


def test_a_header_that_nothing_reads_is_not_restored() -> None:
    made = replicating(assign(field("extra", "x"), RID), deparser=["h"])
    assert names(made) == []
    assert not changes_length(loaded(made))
    assert copies(made) == [b"\1\2\3rest"] * 3


def test_a_drop_is_one_copys_own() -> None:
    nodes = pipeline(
        "is_first",
        conditional("is_first", op("==", RID, const(2)), "tbl_drop", "tbl_act"),
        synthetic("drop", "tbl_act"),
        synthetic("act"),
    )
    drop = primitive("mark_to_drop", header("standard_metadata"))
    made = replicating(assign(A, RID), nodes=nodes, actions=[action("drop", drop)])
    assert copies(made) == [b"\1\2\3rest"] * 2


def cloning(pipeline_: str, *egress: Json) -> Json:
    clone = primitive(f"clone_{pipeline_}_pkt_to_egress", const(SESSION), const(KEPT))
    return replicating(
        *([clone] if pipeline_ == "egress" else []),
        *egress,
        ingress=[clone] if pipeline_ == "ingress" else [],
        field_lists=[{"id": KEPT, "name": "kept", "elements": [M]}],
    )


@pytest.mark.parametrize("change", [increase(M), assign(M, RID)])
def test_clones_of_ingress_keep_fields_each(change: Json) -> None:
    """Copies of the clone share a PHV as well."""
    with compiled(cloning("ingress", assign(A, M), change, assign(B, N))) as switch:
        switch.add_session(SESSION, (4, 1), (4, 2), (4, 3))
        outputs = send(switch)
        assert outputs[:3] == [Output(4, b"\7\0\3rest")] * 3
        assert [each.frame for each in outputs[3:]] == [b"\7\x09\3rest"] * 3


def test_a_clone_of_egress_reads_its_field_list_at_the_end() -> None:
    """m is written and by nobody else read: on one path only."""
    nodes = pipeline(
        "tbl_act",
        synthetic("act", "is_first"),
        conditional("is_first", op("==", RID, const(1)), "tbl_mark", None),
        synthetic("mark"),
    )
    clone = primitive("clone_egress_pkt_to_egress", const(SESSION), const(KEPT))
    made = replicating(
        clone,
        nodes=nodes,
        actions=[action("mark", assign(M, const(0x55)))],
        field_lists=[{"id": KEPT, "name": "kept", "elements": [M]}],
    )
    assert names(made) == ["meta.m"]
    del made["actions"][2]["primitives"][0]
    assert names(made) == []


def test_clones_of_a_copys_egress_leave_the_next_copy_alone() -> None:
    made = cloning("egress", assign(A, M), increase(M), assign(B, standard("instance_type")))
    with compiled(made) as switch:
        switch.add_session(SESSION, (4, 0))
        by_port: dict[int, list[bytes]] = {}
        for each in send(switch):
            by_port.setdefault(each.port, []).append(each.frame)
        assert by_port[2] == [b"\7\5\3rest"] * 2
        assert by_port[3] == [b"\7\5\3rest"]
        # Four clones deep each: a clone finds m as its packet left egress.
        assert by_port[4] == [bytes([m, 2]) + b"\3rest" for m in (11, 10, 9, 8)] * 3


def checksum_in_c(*inputs: Json) -> dict[str, Any]:
    """c becomes the low byte of the inputs' sum."""
    return {
        "calculations": [{"name": "sum", "id": 0, "algo": "csum16", "input": list(inputs)}],
        "checksums": [
            {"name": "cksum", "id": 0, "target": ["h", "c"], "type": "generic",
             "calculation": "sum", "verify": False, "update": True, "if_cond": None}
        ],
    }  # fmt: skip


def test_an_updated_checksum() -> None:
    """Its inputs count as read, its target as written."""
    made = replicating(increase(N), **checksum_in_c(M, N))
    assert names(made) == ["meta.n", "h.c"]
    assert copies(made) == [b"\1\2\xf5rest"] * 3  # ~0x70a
