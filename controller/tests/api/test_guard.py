# SPDX-License-Identifier: Apache-2.0
"""What a web page can make a browser send to the API, which answers none of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from hectograph.api.app import create_app
from hectograph.config import Settings
from hectograph.service import Service

TOKEN = "correct-horse-battery"
JSON = "application/json"
SWITCH = {"address": "127.0.0.1:9559", "host_ports": [1]}
ROTATE = "/api/v1/switches/s1/rotate-secrets"


@pytest.fixture(params=[None, TOKEN], ids=["without a token", "with a token"])
async def served(
    request: pytest.FixtureRequest, tmp_path: Path, service: Service
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may ask, on a controller that has one switch."""
    token = SecretStr(request.param) if request.param else None
    settings = Settings(database=tmp_path / "controller.db", token=token)
    transport = httpx.ASGITransport(create_app(settings, service), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {TOKEN}"} if token else None
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost:8080", headers=headers
    ) as client:
        assert (await client.put("/api/v1/switches/s1", json=SWITCH)).status_code == 201
        yield client


async def _secret_number(client: httpx.AsyncClient) -> int:
    secrets = (await client.get("/api/v1/switches/s1")).json()["status"]["secrets"]
    return secrets["number"] if secrets else 0


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9090"},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8080.evil.example"},
        {"origin": "http://evil.example#localhost:8080"},
        {"origin": "http://evil.example", "sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("content_type", [JSON, "text/plain", "application/x-www-form-urlencoded"])
async def test_another_origins_page_commands_nothing(
    served: httpx.AsyncClient, headers: dict[str, str], content_type: str
) -> None:
    answer = await served.post(ROTATE, headers={**headers, "content-type": content_type})
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:hectograph:problem:forbidden"
    assert await _secret_number(served) == 0


async def test_nor_does_it_read(served: httpx.AsyncClient) -> None:
    answer = await served.get("/metrics", headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


async def test_its_question_what_it_may_send_gets_no_leave(served: httpx.AsyncClient) -> None:
    headers = {
        "origin": "http://evil.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "content-type",
    }
    answer = await served.options("/api/v1/switches/s1", headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "multipart/form-data; boundary=x", "text/json", ""]
)
async def test_what_a_form_can_send_is_no_command(
    served: httpx.AsyncClient, content_type: str | None
) -> None:
    """Also where a browser does not say which page asks."""
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await served.post(ROTATE, headers=headers)
    assert answer.status_code == 415
    assert answer.json()["type"] == "urn:hectograph:problem:unsupported-media-type"
    assert await _secret_number(served) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8080"},
        {"origin": "http://localhost:8080", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
@pytest.mark.parametrize("content_type", [JSON, "Application/JSON; charset=utf-8"])
async def test_who_is_no_foreign_page_commands(
    served: httpx.AsyncClient, headers: dict[str, str], content_type: str
) -> None:
    answer = await served.post(ROTATE, headers={**headers, "content-type": content_type})
    assert answer.status_code == 200
    assert await _secret_number(served) == 1


@pytest.mark.parametrize("host", ["evil.example", "192.0.2.1:8080", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/api/v1/switches", "/metrics", "/readyz", "/api/v1/nothing"])
async def test_a_page_whose_name_was_bound_to_loopback_is_not_answered(
    api: httpx.AsyncClient, host: str, path: str
) -> None:
    """To the browser the page and the API are one origin then (DNS rebinding)."""
    headers = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    answer = await api.get(path, headers=headers)
    assert answer.status_code == 421


@pytest.mark.parametrize(
    "host", ["", "local host", "[::1", "localhost:80:80", "a/@localhost", "localhost:x", "é"]
)
async def test_a_malformed_host_is_no_loopback(served: httpx.AsyncClient, host: str) -> None:
    answer = await served.get("/api/v1/switches", headers=[(b"host", host.encode())])
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:hectograph:problem:bad-request"


async def test_two_hosts_are_none(served: httpx.AsyncClient) -> None:
    headers = [("host", "localhost"), ("host", "evil.example")]
    assert (await served.get("/api/v1/switches", headers=headers)).status_code == 400
