# SPDX-License-Identifier: Apache-2.0
"""What people type for where bytes come from."""

from pathlib import Path

import pytest

from hectograph.cli.sources import check_scheme, media_type, udp_source
from hectograph.errors import InvalidInput


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("film.ts", "video/mp2t"),
        ("FILM.TS", "video/mp2t"),
        ("page.html", "text/html"),
        ("film.tar.gz", "application/octet-stream"),
        ("film", "application/octet-stream"),
    ],
)
def test_a_media_type_is_its_files(file: str, expected: str) -> None:
    assert media_type(file) == expected


def test_an_interface_is_where_a_group_is_joined() -> None:
    source = udp_source("udp://in0@239.1.1.1:7000")
    assert (str(source.address), source.port, source.multicast_interface) == (
        "239.1.1.1",
        7000,
        "in0",
    )
    assert udp_source("udp://[ff3e::1]:7000").multicast_interface is None


@pytest.mark.parametrize(
    "text",
    [
        "udp://in0:pw@239.1.1.1:7000",
        "udp://239.1.1.1:7000/path",
        "udp://239.1.1.1:7000?pkt_size=1316",
        "udp://239.1.1.1",
        "udp://239.1.1.1:70000",
        "udp://an-interface-too-long@239.1.1.1:7000",
    ],
)
def test_what_would_mean_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        udp_source(text)


@pytest.mark.parametrize("text", ["rtp://239.1.1.1:5004", "ftp://h/film", "s3://bucket/film"])
def test_an_unknown_scheme_is_no_path(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not supported; a path or udp:// is"):
        check_scheme(text, "udp")


def test_a_path_is_none() -> None:
    for text in ("film.ts", "/srv/film", "./rtp://film", str(Path.cwd())):
        check_scheme(text, "udp")
