# SPDX-License-Identifier: Apache-2.0
"""Registers: what one packet writes another reads."""

import json

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    const,
    extract,
    field,
    pipeline,
    primitive,
    program,
    state,
    synthetic,
)
from compiled import compiled

from hectograph.errors import InvalidInput, UnsupportedFeature
from hectograph.switch.compiler import to_c

SIZE = 4
FIELDS: Fields = [("index", 8), ("value", 16), ("narrow", 12), ("rest", 4)]


def registers(*primitives: Json, bits: int = 16) -> Json:
    actions = [action("act", *primitives)]
    return program(
        {"h": FIELDS},
        states=[state("start", [extract("h")])],
        actions=actions,
        ingress=pipeline("tbl_forward", synthetic("forward", "tbl_act"), synthetic("act")),
        deparser=["h"],
        register_arrays=[
            {"name": name, "id": n, "size": SIZE, "bitwidth": bits} for n, name in enumerate("ab")
        ],
    )


def register(name: str) -> Json:
    return {"type": "register_array", "value": name}


def write(name: str, index: Json, value: Json) -> Json:
    return primitive("register_write", register(name), index, value)


def read(target: Json, name: str, index: Json) -> Json:
    return primitive("register_read", target, register(name), index)


INDEX, VALUE, NARROW = field("h", "index"), field("h", "value"), field("h", "narrow")


def test_cells_are_zero_at_first_and_kept_from_packet_to_packet() -> None:
    swap = registers(
        # b keeps what a had, a takes what came, and the packet leaves with what b had.
        read(VALUE, "b", INDEX),
        write("b", INDEX, const(0x1234)),
    )
    with compiled(swap) as switch:
        for index in range(SIZE):
            frame = bytes([index]) + bytes.fromhex("ffff0000")
            assert switch.payload(frame)[1:3].hex() == "0000"
            assert switch.payload(frame)[1:3].hex() == "1234"


def test_cells_and_arrays_are_apart() -> None:
    copy = registers(
        write("a", INDEX, VALUE),
        read(VALUE, "a", const(1)),
        write("b", const(2), VALUE),
        read(VALUE, "b", INDEX),
    )
    with compiled(copy) as switch:
        assert switch.payload(bytes.fromhex("01aaaa0000"))[1:3].hex() == "0000"
        assert switch.payload(bytes.fromhex("02bbbb0000"))[1:3].hex() == "aaaa"


@pytest.mark.parametrize("index", [SIZE, 255])
def test_beyond_the_end_nothing_happens(index: int) -> None:
    with compiled(registers(write("a", INDEX, VALUE), read(VALUE, "a", INDEX))) as switch:
        assert switch.payload(bytes([index]) + bytes.fromhex("55660000"))[1:3].hex() == "5566"
    with compiled(registers(write("a", INDEX, VALUE), read(VALUE, "a", NARROW))) as switch:
        for inside in range(SIZE):
            frame = bytes([index]) + bytes.fromhex("5566") + (inside << 4).to_bytes(2)
            assert switch.payload(frame)[1:3].hex() == "0000"


def test_a_value_is_cut_to_the_register() -> None:
    cut = registers(write("a", INDEX, VALUE), read(NARROW, "a", INDEX), bits=12)
    with compiled(cut) as switch:
        assert switch.payload(bytes.fromhex("03fabc0000")).hex() == "03fabcabc0"


@pytest.mark.parametrize("bits", [8, 24])
def test_another_type_is_refused(bits: int) -> None:
    with pytest.raises(UnsupportedFeature, match="register"):
        to_c(json.dumps(registers(read(VALUE, "a", INDEX), bits=bits)))


def test_an_unknown_register_is_named() -> None:
    with pytest.raises(InvalidInput, match="'c' is not a register"):
        to_c(json.dumps(registers(write("c", INDEX, VALUE))))
