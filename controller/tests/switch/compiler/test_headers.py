# SPDX-License-Identifier: Apache-2.0
"""Fields at any bit offset: extracted, copied field by field, emitted."""

import random

from bmv2json import (
    Fields,
    Json,
    action,
    assign,
    extract,
    field,
    header,
    pipeline,
    primitive,
    program,
    state,
    synthetic,
)
from compiled import compiled, refusal
from hypothesis import given, settings
from hypothesis import strategies as st


@st.composite
def layouts(draw: st.DrawFn) -> Fields:
    """A header of whole bytes, of fields as wide as a field can be."""
    widths = st.one_of(st.integers(1, 16), st.integers(1, 128), st.sampled_from([32, 48, 64, 128]))
    fields: list[tuple[str, int] | tuple[str, int, bool]] = []
    for number, bits in enumerate(draw(st.lists(widths, min_size=1, max_size=9))):
        signed = draw(st.booleans()) and 2 <= bits < 128
        fields.append((f"f{number}", bits, True) if signed else (f"f{number}", bits))
    if filler := -sum(each[1] for each in fields) % 8:
        fields.append(("filler", filler))
    return fields


def copying(fields: Fields) -> Json:
    """Header `a` arrives, header `b` leaves, with each field assigned from a's."""
    copies = [assign(field("b", each[0]), field("a", each[0])) for each in fields]
    return program(
        {"a": fields, "b": fields},
        actions=[action("copy", *copies)],
        ingress=pipeline("tbl_copy", synthetic("copy", "tbl_forward"), synthetic("forward")),
        deparser=["b"],
    )


@given(layouts(), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_headers_of_any_layout_pass_through(fields: Fields, rng: random.Random) -> None:
    size = sum(each[1] for each in fields) // 8
    with compiled(copying(fields)) as switch:
        for _ in range(10):
            first, second = rng.randbytes(size), rng.randbytes(size)
            payload = rng.randbytes(7)
            assert switch.payload(first + second + payload) == first + payload


def test_names_that_c_does_not_take() -> None:
    """Keywords, what a PHV itself has, dots and dollars; and two that come out alike."""
    names = [
        "int",
        "valid",
        "a.b",
        "a_b",
        "$x",
        "9th",
        "standard",
        "phv",
        "at",
        "__x",
        "struct",
        "NULL",
        "DIGEST",
    ]
    fields: Fields = [(name, 8) for name in names]
    made = program(
        {"int": fields, "packet_bytes": fields, "a.b": fields, "a_b": fields, "standard": fields}
    )
    frame = bytes(range(5 * len(names)))
    with compiled(made) as switch:
        assert switch.payload(frame) == frame


def test_a_very_wide_field_goes_in_and_out_with_its_header() -> None:
    fields: Fields = [("before", 5), ("wide", 339), ("behind", 24)]
    copy = primitive("assign_header", header("b"), header("a"))
    made = program(
        {"a": fields, "b": fields},
        states=[state("start", [extract("a")])],
        actions=[action("copy", copy, assign(field("b", "behind"), field("a", "before")))],
        ingress=pipeline("tbl_copy", synthetic("copy", "tbl_forward"), synthetic("forward")),
    )
    frame = bytes(range(1, 47))
    with compiled(made) as switch:
        assert switch.payload(frame) == frame + frame[:-3] + bytes(3)
    made["actions"][1]["primitives"] = [assign(field("b", "wide"), field("a", "wide"))]
    assert "more than 128 bits, but in a header as a whole: not supported" in refusal(made)


def test_as_many_bytes_of_headers_as_the_runtime_has_room_for() -> None:
    """More are refused when the pipeline is set, and by what they are."""
    fields: Fields = [("x", 8 * 512)]
    made = program(dict.fromkeys("abcd", fields))
    frame = bytes(range(256)) * 9
    with compiled(made) as switch:
        assert switch.payload(frame) == frame
    more = program(dict.fromkeys("abcde", fields))
    assert refusal(more) == (
        "UnsupportedFeature: deparsers[deparser]: headers of up to 2560 bytes in all (up to 2048):"
        " not supported"
    )
