# SPDX-License-Identifier: Apache-2.0
"""The settings: from where, and which are refused."""

from pathlib import Path

import pytest

from hectograph.config import ListenAddress, load_settings
from hectograph.core.cohorts import CohortSettings
from hectograph.errors import InvalidInput

TOKEN = "correct-horse-battery"


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.8.8.8:0", "127.8.8.8", 0, True),
        ("localhost:80", "localhost", 80, True),
        ("[::1]:80", "::1", 80, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("[::]:80", "::", 80, False),
        ("192.0.2.1:65535", "192.0.2.1", 65535, False),
    ],
)
def test_an_address(text: str, host: str, port: int, loopback: bool) -> None:
    address = ListenAddress.parse(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "8080", "127.0.0.1", "127.0.0.1:", "a.b:1", "127.0.0.1:70000", ":80"]
)
def test_no_address(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^listen: "):
        load_settings(listen=text)


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"])
def test_other_machines_need_a_token(listen: str) -> None:
    with pytest.raises(InvalidInput, match="HECTOGRAPH_TOKEN"):
        load_settings(listen=listen)
    assert load_settings(listen=listen, token=TOKEN).token is not None


def test_a_token_is_long_and_never_printed() -> None:
    with pytest.raises(InvalidInput, match="shorter than 16"):
        load_settings(token="secret")
    assert TOKEN not in repr(load_settings(token=TOKEN))


def test_a_token_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(InvalidInput, match="cannot read the token"):
        load_settings(token_file=path)
    path.write_text(f"{TOKEN}\n")
    token = load_settings(listen="0.0.0.0:80", token_file=path).token
    assert token is not None
    assert token.get_secret_value() == TOKEN


def test_the_command_line_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HECTOGRAPH_LISTEN", "127.0.0.1:1111")
    monkeypatch.setenv("HECTOGRAPH_MAX_BODY_BYTES", "1000")
    settings = load_settings(listen=None)
    assert (settings.listen.port, settings.max_body_bytes) == (1111, 1000)
    assert load_settings(listen="127.0.0.1:2222").listen.port == 2222


def test_cohorts_are_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().cohorts == CohortSettings(0.005, 0.1, 0)
    monkeypatch.setenv("HECTOGRAPH_COHORT_WINDOW_MS", "2.5")
    monkeypatch.setenv("HECTOGRAPH_COHORT_MEMBERS", "64")
    assert load_settings().cohorts == CohortSettings(0.0025, 0.1, 64)
    settings = load_settings(cohort_window_ms=0, cohort_patience_ms=20)
    assert settings.cohorts == CohortSettings(0.0, 0.02, 64)
    with pytest.raises(InvalidInput, match=r"^cohort_window_ms: "):
        load_settings(cohort_window_ms=-1)
