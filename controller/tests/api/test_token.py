# SPDX-License-Identifier: Apache-2.0
"""Who may ask: everyone on loopback, until there is a token."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from hectograph.api.app import create_app
from hectograph.config import Settings
from hectograph.service import Service

TOKEN = "correct-horse-battery"


@pytest.fixture
async def guarded(tmp_path: Path, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(database=tmp_path / "controller.db", token=SecretStr(TOKEN))
    transport = httpx.ASGITransport(create_app(settings, service), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
        yield client


PATHS = ["/api/v1/groups", "/api/v1/groups/news", "/api/v1/counters", "/readyz", "/metrics"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xfc"],
)
async def test_without_the_token_there_is_nothing(
    guarded: httpx.AsyncClient, path: str, header: str | None
) -> None:
    headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
    answer = await guarded.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_change_without_the_token_changes_nothing(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.put("/api/v1/groups/news", json={})
    assert answer.status_code == 401
    assert (await guarded.delete("/api/v1/groups/news")).status_code == 401


@pytest.mark.parametrize("path", [p for p in PATHS if not p.endswith("news")])
async def test_with_the_token_there_is(guarded: httpx.AsyncClient, path: str) -> None:
    answer = await guarded.get(path, headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


async def test_health_needs_none(guarded: httpx.AsyncClient) -> None:
    assert (await guarded.get("/healthz")).json() == {"status": "ok"}
