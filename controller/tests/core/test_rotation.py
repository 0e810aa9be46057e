# SPDX-License-Identifier: Apache-2.0
"""Secrets and epochs: when they change, and that two of each are always valid."""

from hectograph.core.rotation import Schedule, advanced, due, first_secrets, next_due, rotated

SCHEDULE = Schedule(secret_seconds=100.0, epoch_seconds=30.0)


def test_a_rotation_keeps_the_last_secret() -> None:
    record = first_secrets("s1", current=11, previous=22, now=0.0)
    after = rotated(record, 33, 5.0)
    assert (after.current, after.previous, after.number, after.rotated_at) == (33, 11, 1, 5.0)
    for _ in range(255):
        after = rotated(after, 44, 6.0)
    assert after.number == 0


def test_an_epoch_is_never_that_of_an_empty_cell() -> None:
    record = first_secrets("s1", 1, 2, 0.0)
    seen: list[int] = []
    for _ in range(300):
        before, record = record, advanced(record, 1.0)
        assert record.previous_epoch == before.epoch != record.epoch
        seen.append(record.epoch)
    assert set(seen) == set(range(1, 256))


def test_each_has_its_own_time() -> None:
    record = first_secrets("s1", 1, 2, 1000.0)
    assert next_due(record, SCHEDULE) == 1030.0
    assert due(record, SCHEDULE, 3, 1029.0) is record
    at_30 = due(record, SCHEDULE, 3, 1030.0)
    assert (at_30.current, at_30.epoch) == (1, 2)
    at_100 = due(at_30, SCHEDULE, 3, 1100.0)
    assert (at_100.current, at_100.previous, at_100.epoch) == (3, 1, 3)
