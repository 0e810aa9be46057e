# SPDX-License-Identifier: Apache-2.0
"""What a long run is shortened to."""

from hypothesis import given
from hypothesis import strategies as st

from packetlab.shrink import shortest


@given(st.integers(1, 200), st.data())
def test_only_what_is_needed_is_left(count: int, data: st.DataObject) -> None:
    needed = data.draw(st.sets(st.integers(0, count - 1), max_size=4))
    tried = 0

    def fails(items: object) -> bool:
        nonlocal tried
        tried += 1
        return needed <= set(items)  # pyright: ignore[reportArgumentType]

    assert shortest(range(count), fails) == sorted(needed)
    assert tried <= 20 * (len(needed) + 1) + 2 * count


def test_nothing_is_needed() -> None:
    assert shortest("abc", lambda _: True) == []
