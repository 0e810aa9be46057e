# SPDX-License-Identifier: Apache-2.0
"""When the cookie's secrets and the flow filter's epoch change, and to what: pure."""

from dataclasses import dataclass, replace

from hectograph.core.records import SecretsRecord

SECRET_BITS = 64


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds between two changes.

    A download whose handshake is older than two secrets is reset, so these go slowly.
    What a client showed by its handshake, or by an answer of its host, counts for one to
    two epochs; the filter's false positives grow with the flows of two of them.
    """

    secret_seconds: float = 86400.0
    epoch_seconds: float = 300.0


def first_secrets(switch: str, current: int, previous: int, now: float) -> SecretsRecord:
    """`previous` is random too: nobody may know a secret that is valid."""
    return SecretsRecord(switch, current, previous, rotated_at=now, advanced_at=now)


def rotated(record: SecretsRecord, secret: int, now: float) -> SecretsRecord:
    return replace(
        record,
        current=secret,
        previous=record.current,
        number=(record.number + 1) % 256,
        rotated_at=now,
    )


def advanced(record: SecretsRecord, now: float) -> SecretsRecord:
    return replace(
        record,
        epoch=record.epoch % 255 + 1,
        previous_epoch=record.epoch,
        advanced_at=now,
    )


def due(record: SecretsRecord, schedule: Schedule, draw: int, now: float) -> SecretsRecord:
    """The record as it shall be now; the same one when nothing is due. `draw`: a fresh secret."""
    if now - record.rotated_at >= schedule.secret_seconds:
        record = rotated(record, draw, now)
    if now - record.advanced_at >= schedule.epoch_seconds:
        record = advanced(record, now)
    return record


def next_due(record: SecretsRecord, schedule: Schedule) -> float:
    """Unix time."""
    return min(
        record.rotated_at + schedule.secret_seconds, record.advanced_at + schedule.epoch_seconds
    )
