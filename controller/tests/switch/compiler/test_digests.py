# SPDX-License-Identifier: Apache-2.0
"""Digests: the fields of each call, as they are when it is made."""

import json
from typing import Any

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    assign,
    const,
    field,
    parser_op,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
)
from compiled import compiled, refusal

FIELDS: Fields = [("wide", 128), ("a", 3), ("b", 13), ("s", 12, True), ("rest", 4)]
FRAME = bytes(range(1, 17)) + bytes.fromhex("a123 8015")


def sending(*elements: Json, then: tuple[Json, ...] = (), **more: Any) -> Json:
    """Every frame sends the elements, to port 2 it goes."""
    return program(
        {"h": FIELDS},
        metadata={"meta": [("m", 32)]},
        actions=[action("act", primitive("generate_digest", const(0), const(5)), *then)],
        ingress=pipeline("tbl_act", synthetic("act", "tbl_forward"), synthetic("forward")),
        learn_lists=[{"name": "d", "id": 5, "elements": list(elements)}],
        **more,
    )


def sent(made: Json, frame: bytes = FRAME) -> str:
    with compiled(made) as switch:
        loaded = switch.pipeline
        assert loaded.digests() == ["d"]
        switch.payload(frame)
        assert loaded.receive_digests(8) == []
        loaded.want_digest(0, True)
        switch.payload(frame)
        ((index, data),) = loaded.receive_digests(8)
        assert index == 0
        assert len(data) == loaded.digest_bytes(0)
        return data.hex(" ")


def constant(text: str) -> Json:
    return {"type": "hexstr", "value": text}


def test_each_field_is_padded_to_whole_bytes() -> None:
    found = sent(sending(field("h", "a"), field("h", "b"), field("h", "s"), field("h", "wide")))
    assert found == f"05 01 23 08 01 {bytes(range(1, 17)).hex(' ')}"


def test_constants_validity_and_standard_metadata() -> None:
    made = sending(
        constant("0x0102030405060708090a"), field("h", "$valid$"), standard("ingress_port")
    )
    assert sent(made) == "01 02 03 04 05 06 07 08 09 0a 01 00 01"


def test_a_header_that_is_not_valid_says_so() -> None:
    made = sending(field("h", "$valid$"), states=[state("start")], deparser=["h"])
    assert sent(made) == "00"


def test_later_changes_do_not_count() -> None:
    made = sending(field("h", "b"), then=(assign(field("h", "b"), const(9)),))
    assert sent(made) == "01 23"


def in_egress(made: Json) -> None:
    made["pipelines"][1] |= made["pipelines"][0]
    made["pipelines"][1]["name"] = "egress"


def in_the_parser(made: Json) -> None:
    statement = primitive("generate_digest", const(0), const(5))
    made["parsers"][0]["parse_states"][0]["parser_ops"].append(parser_op("primitive", statement))


def of_a_parameter(made: Json) -> None:
    made["learn_lists"][0]["elements"].append(constant("0x0"))


def of_a_stack(made: Json) -> None:
    made["learn_lists"][0]["elements"].append({"type": "header_stack", "value": "h"})


def too_wide(made: Json) -> None:
    made["learn_lists"][0]["elements"].append(constant("0x" + "00" * 17))


def unknown(made: Json) -> None:
    made["learn_lists"][0]["id"] = 4


def twice(made: Json) -> None:
    made["learn_lists"] *= 2


def empty(made: Json) -> None:
    made["learn_lists"][0]["elements"].clear()


REFUSED = {
    "a digest in egress (action 'act'): not supported": in_egress,
    "a digest in parser (state 'start'): not supported": in_the_parser,
    "learn_lists[d].elements[1].value: a digest of an action's parameter": of_a_parameter,
    "a digest's element of type 'header_stack': not supported": of_a_stack,
    "a constant of 136 bits (up to 128): not supported": too_wide,
    "is not a learn list": unknown,
    "is there twice": twice,
    "sends nothing": empty,
}


@pytest.mark.parametrize(("message", "spoil"), REFUSED.items())
def test_refused_by_name(message: str, spoil: Any) -> None:
    made = json.loads(json.dumps(sending(field("h", "a"))))
    assert refusal(made) == ""
    spoil(made)
    assert message in refusal(made)
