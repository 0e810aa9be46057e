# SPDX-License-Identifier: Apache-2.0
"""Entries of the usual shape are read at one go as they are read field by field."""

import pytest
from finsy.proto import p4i, p4r
from hypothesis import given
from hypothesis import strategies as st

from hectograph.switch.codec import ActionCodec, BitString, ExactField, KeyCodec, Param
from hectograph.switch.shapes import Shapes

TABLE = 0x02000007
"""With bytes that mean something in a regular expression, as the widths below have."""
FIELDS = (48, 9, 1)
PARAMS = (7, 128, 8, 32)


def field(id_: int, bits: int) -> ExactField:
    info = p4i.MatchField(id=id_, bitwidth=bits, match_type=p4i.MatchField.EXACT)
    return ExactField(info, BitString(bits), "table t")


def action(id_: int, index: int, widths: tuple[int, ...]) -> ActionCodec:
    info = p4i.Action(preamble=p4i.Preamble(id=id_, name=f"a{index}"))
    params = [Param(n, f"p{n}", BitString(bits)) for n, bits in enumerate(widths, 1)]
    return ActionCodec(info, p4i.ActionRef(id=id_), index, params)


KEY = KeyCodec([field(n, bits) for n, bits in enumerate(FIELDS, 1)], "table t")
ACTIONS = [action(0x0100002A, 3, PARAMS), action(0x0100002E, 4, ())]
SHAPES = Shapes(TABLE, KEY, ACTIONS)


def entry(
    key: tuple[bytes, ...], params: tuple[bytes, ...], action_id: int = ACTIONS[0].id
) -> p4r.TableEntry:
    made = p4r.TableEntry(table_id=TABLE)
    for number, value in enumerate(key, 1):
        made.match.add(field_id=number).exact.value = value
    made.action.action.action_id = action_id
    for number, value in enumerate(params, 1):
        made.action.action.params.add(param_id=number, value=value)
    return made


def values(widths: tuple[int, ...]) -> st.SearchStrategy[tuple[bytes, ...]]:
    """As wide as their fields, all that fit."""
    return st.tuples(
        *(
            st.integers(0, (1 << bits) - 1).map(lambda n, bits=bits: n.to_bytes((bits + 7) // 8))
            for bits in widths
        )
    )


KEYS, PARAM_VALUES = values(FIELDS), values(PARAMS)


@given(KEYS, PARAM_VALUES)
def test_as_field_by_field(key: tuple[bytes, ...], params: tuple[bytes, ...]) -> None:
    made = entry(key, params)
    assert SHAPES.read(made) == (
        KEY.encode(made.match, 0),
        3,
        ACTIONS[0].encode(made.action.action),
    )
    bare = entry(key, (), ACTIONS[1].id)
    assert SHAPES.read(bare) == (KEY.encode(bare.match, 0), 4, b"")


USUAL_KEY = (bytes(6), b"\x01\x02", b"\x01")
USUAL_PARAMS = (b"\x7f", bytes(16), b"\xff", b"\n\n.*")


@pytest.mark.parametrize(
    "unusual",
    [
        entry((bytes(5), *USUAL_KEY[1:]), USUAL_PARAMS),
        entry((bytes(7), *USUAL_KEY[1:]), USUAL_PARAMS),
        entry((bytes(6), b"\x02\x00", b"\x01"), USUAL_PARAMS),  # wider than 9 bits
        entry(USUAL_KEY, (b"\x80", *USUAL_PARAMS[1:])),  # wider than 7 bits
        entry(USUAL_KEY, USUAL_PARAMS[:-1]),
        entry(USUAL_KEY, (*USUAL_PARAMS, b"\x01")),
        entry(USUAL_KEY[:-1], USUAL_PARAMS),
        entry(USUAL_KEY, USUAL_PARAMS, ACTIONS[1].id),
        entry(USUAL_KEY, USUAL_PARAMS, 77),
        p4r.TableEntry(table_id=TABLE),
        p4r.TableEntry(),
    ],
)
def test_anything_else_is_left_to_others(unusual: p4r.TableEntry) -> None:
    assert SHAPES.read(entry(USUAL_KEY, USUAL_PARAMS)) is not None
    assert SHAPES.read(unusual) is None


@pytest.mark.parametrize(
    "more",
    [
        p4r.TableEntry(priority=1),
        p4r.TableEntry(is_const=True),
        p4r.TableEntry(is_default_action=True),
        p4r.TableEntry(metadata=b"m"),
        p4r.TableEntry(controller_metadata=1),
        p4r.TableEntry(idle_timeout_ns=1),
        p4r.TableEntry(counter_data=p4r.CounterData()),
        p4r.TableEntry(meter_config=p4r.MeterConfig()),
        p4r.TableEntry(time_since_last_hit=p4r.TableEntry.IdleTimeout()),
        p4r.TableEntry(match=[p4r.FieldMatch(field_id=1)]),
    ],
    ids=lambda more: str(more).strip(),
)
def test_an_entry_that_says_more(more: p4r.TableEntry) -> None:
    made = entry(USUAL_KEY, USUAL_PARAMS)
    made.MergeFrom(more)
    assert SHAPES.read(made) is None


def test_another_order() -> None:
    made = entry(USUAL_KEY, USUAL_PARAMS)
    made.match.reverse()
    assert SHAPES.read(made) is None
