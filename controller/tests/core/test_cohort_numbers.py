# SPDX-License-Identifier: Apache-2.0
"""Group numbers of cohorts: each for one cohort, over restarts too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hectograph import wire
from hectograph.core.cohort_numbers import BLOCK, COUNT, LAST, REST_SECONDS, GroupNumbers, later
from hectograph.core.records import CohortNumbersRecord

FIRST = wire.COHORT_GROUP_FIRST


class Numbers:
    """With the database in which a controller finds what the last one wrote."""

    def __init__(self, start: int = FIRST) -> None:
        self.record = CohortNumbersRecord("s1", start)
        self.restart(-2 * REST_SECONDS)

    def restart(self, now: float) -> None:
        self.numbers = GroupNumbers(self.record, now)
        self.reserve(now)

    def reserve(self, now: float) -> None:
        while self.numbers.is_short:
            self.record = self.numbers.plan(now)
            self.numbers.extend(self.record)

    def take(self, now: float) -> int | None:
        self.reserve(now)
        return self.numbers.take(now)


def test_they_go_round() -> None:
    numbers = Numbers(LAST - 1)
    assert [numbers.take(0) for _ in range(4)] == [LAST - 1, LAST, FIRST, FIRST + 1]
    assert later(LAST, 1) == FIRST


def test_none_before_it_is_written() -> None:
    numbers = GroupNumbers(CohortNumbersRecord("s1", FIRST), 0)
    assert numbers.is_short
    assert numbers.take(0) is None
    numbers.extend(numbers.plan(0))
    assert [numbers.take(0) for _ in range(BLOCK)] == [*range(FIRST, FIRST + BLOCK)]
    assert numbers.take(0) is None


def test_one_in_use_is_passed_over() -> None:
    numbers = Numbers()
    numbers.numbers.hold(FIRST)
    assert numbers.take(0) == FIRST + 1
    assert numbers.numbers.in_use == {FIRST, FIRST + 1}
    numbers.numbers.release(FIRST, 0)
    assert numbers.numbers.in_use == {FIRST + 1}


def test_one_that_stands_is_passed_over() -> None:
    assert Numbers().numbers.take(0, {FIRST, FIRST + 1}) == FIRST + 2


@pytest.mark.parametrize(("after", "taken"), [(REST_SECONDS - 0.1, False), (REST_SECONDS, True)])
def test_rest(after: float, taken: bool) -> None:
    numbers = Numbers()
    for _ in range(COUNT):
        number = numbers.take(0)
        assert number is not None
        numbers.numbers.release(number, 0)
    assert (numbers.take(after) == FIRST) is taken


def test_all_in_use() -> None:
    """Then a whole round is looked at, block by block."""
    numbers = Numbers()
    assert len({numbers.take(0) for _ in range(COUNT)}) == COUNT
    assert numbers.take(1e9) is None
    numbers.numbers.release(FIRST + 9, 1e9)
    tried = [numbers.take(1e9 + REST_SECONDS) for _ in range(COUNT // BLOCK)]
    assert [number for number in tried if number] == [FIRST + 9]


def test_after_a_restart_others() -> None:
    numbers = Numbers()
    before = {numbers.take(0) for _ in range(3 * BLOCK)}
    numbers.restart(0)
    after = {numbers.take(0) for _ in range(3 * BLOCK)}
    assert not before & after


def test_after_a_restart_not_a_whole_round() -> None:
    """The last run may have used what comes at its end just now."""
    numbers = Numbers()
    last = numbers.take(0)
    assert last is not None
    numbers.restart(1)
    while (number := numbers.take(1)) is not None:
        numbers.numbers.release(number, 1)
        assert number != last
    assert numbers.take(1 + REST_SECONDS) is not None


def test_one_that_ran_long_rests_after_a_restart() -> None:
    """It is just ahead: the cycle went round while it was in use."""
    numbers = Numbers()
    old = numbers.take(0)
    assert old is not None
    for _ in range(COUNT - 2 * BLOCK):
        number = numbers.take(1000)
        assert number is not None
        numbers.numbers.release(number, 0)
    numbers.numbers.release(old, 1000)
    numbers.restart(1001)
    seen = {numbers.take(1001) for _ in range(COUNT - 2 * BLOCK)}
    assert old not in seen


def test_all_rest_when_another_controller_was_here() -> None:
    numbers = Numbers()
    numbers.numbers.bar(100)
    assert numbers.take(100 + REST_SECONDS - 0.1) is None
    assert numbers.take(100 + REST_SECONDS) == FIRST


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 3000)),
        st.tuples(st.just("release"), st.integers(1, 3000)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 90)),
    ),
    max_size=60,
)


@given(Steps)
def test_none_comes_again_before_it_has_rested(steps: list[tuple[str, int]]) -> None:
    """Whatever runs how long, and however often the controller restarts."""
    numbers, now = Numbers(), 0.0
    in_use: dict[int, None] = {}
    ended: dict[int, float] = {}
    for what, count in steps:
        if what == "wait":
            now += count
        elif what == "restart":
            numbers.restart(now)
            for number in in_use:  # their pushers tell of them
                numbers.numbers.hold(number)
        elif what == "release":
            for number in list(in_use)[:count]:
                del in_use[number]
                ended[number] = now
                numbers.numbers.release(number, now)
        else:
            for _ in range(count):
                number = numbers.take(now)
                if number is None:
                    break
                assert FIRST <= number <= LAST
                assert number not in in_use
                assert now - ended.pop(number, -1e9) >= REST_SECONDS
                in_use[number] = None
