# SPDX-License-Identifier: Apache-2.0
"""What lets a broken transfer go on with the same bytes (RFC 9110, 13.1.5)."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", re.ASCII)
"""With numbers that a file can have."""


def if_range(headers: Mapping[str, str]) -> str | None:
    """The strong validator of a response, if it has one."""
    tag = headers.get("etag")
    if tag is not None:
        return None if tag.startswith("W/") else tag
    modified, date = headers.get("last-modified"), headers.get("date")
    if modified is None or date is None:
        return None
    try:
        age = parsedate_to_datetime(date) - parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return None
    return modified if age.total_seconds() >= 1 else None


def range_start(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    """Where a 206's body begins, and how long the whole is; None: not a single range."""
    matched = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if matched is None:
        return None
    return int(matched[1]), None if matched[2] == "*" else int(matched[2])
