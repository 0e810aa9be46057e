# SPDX-License-Identifier: Apache-2.0
"""Numbers as people write and read them."""

import pytest

from hectograph.cli.units import bytes_text, parse_rate, rate_text
from hectograph.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("9600", 9600),
        ("100M", 100_000_000),
        ("1.5G", 1_500_000_000),
        ("64kbit/s", 64_000),
        ("10 Mbps", 10_000_000),
    ],
)
def test_a_rate(text: str, bits: int) -> None:
    assert parse_rate(text) == bits


@pytest.mark.parametrize("text", ["", "0", "-1", "0.1", "fast", "1T", "1e6", "M", "1MM", "1 0"])
def test_no_rate(text: str) -> None:
    with pytest.raises(InvalidInput, match="--rate"):
        parse_rate(text)


def test_numbers_for_people() -> None:
    assert [bytes_text(count) for count in (0, 1023, 1024, 67108864)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "64.0 MiB",
    ]
    assert [rate_text(rate) for rate in (0, 999, 99_600_000, 2e12)] == [
        "0 bit/s",
        "999 bit/s",
        "99.6 Mbit/s",
        "2.0 Tbit/s",
    ]
