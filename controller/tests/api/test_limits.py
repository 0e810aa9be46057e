# SPDX-License-Identifier: Apache-2.0
"""A request costs no more than it is worth, and nothing of one that may not ask is read."""

import json
import resource
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.types import Message

from hectograph.api.app import create_app
from hectograph.api.fields import MAX_ERRORS
from hectograph.config import Settings
from hectograph.core.profiles import PIPELINE_MEMBERS
from hectograph.service import Service

MEMBER = {"port": 2, "mac": "02:00:00:00:01:0a", "address": "192.0.2.2", "udp_port": 6000}
MEMBERS = "/api/v1/groups/news/members"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Bearer wrong")],
        [(b"authorization", b"Bearer correct-horse-battery"), (b"origin", b"http://evil")],
    ],
)
async def test_nothing_is_read_of_a_request_that_may_not_be(
    tmp_path: Path, service: Service, headers: list[tuple[bytes, bytes]]
) -> None:
    settings = Settings(database=tmp_path / "db", token=SecretStr("correct-horse-battery"))
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": MEMBERS,
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers],
        "server": ("localhost", 8080),
    }
    await create_app(settings, service)(scope, receive, send)
    assert sent[0]["status"] in (401, 403)


TOO_MUCH: list[tuple[dict[str, Any], str]] = [
    ({"items": [{}] * 700_000}, "#/items/0/name"),
    ({"items": [MEMBER | {"name": f"m{n}"} for n in range(PIPELINE_MEMBERS + 1)]}, "#/items"),
    ({"items": [{}] * PIPELINE_MEMBERS}, "#/items/0/name"),
    ({f"a{n}": 1 for n in range(500_000)}, "#"),
    ({"items": [{f"a{n}": 1 for n in range(500_000)}]}, "#/items/0"),
]


@pytest.mark.parametrize(
    ("body", "named"), TOO_MUCH, ids=["items", "members", "errors", "fields", "inner fields"]
)
async def test_many_wrong_things_are_few_errors(
    api: httpx.AsyncClient, body: dict[str, Any], named: str
) -> None:
    content = json.dumps(body, separators=(",", ":")).encode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.thread_time()
    answer = await api.put(MEMBERS, content=content, headers={"content-type": "application/json"})
    assert time.thread_time() - began < 3, "700,000 items took 69 s"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000, "and 5.9 GB"
    assert answer.status_code == 422
    problem = answer.json()
    assert len(problem["errors"]) <= MAX_ERRORS
    assert named in {each["pointer"] for each in problem["errors"]}
    assert len(answer.content) < 4096


async def test_of_several_errors_the_first_are_told_and_the_others_counted(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.put("/api/v1/groups/news", json={f"a{n}": 1 for n in range(MAX_ERRORS)})
    problem = answer.json()
    assert len(problem["errors"]) == MAX_ERRORS
    assert problem["detail"].endswith("; and 2 more")


async def test_as_many_members_as_a_switch_can_hold_are_no_error(api: httpx.AsyncClient) -> None:
    source = {"mac": "02:00:00:00:00:01", "ipv4": "192.0.2.1", "udp_port": 5000}
    await api.put("/api/v1/groups/news", json={"switch": "s1", "source": source})
    items = [MEMBER | {"name": f"m{n}"} for n in range(PIPELINE_MEMBERS)]
    answer = await api.put(MEMBERS, json={"items": items})
    assert answer.json() == {"added": PIPELINE_MEMBERS, "changed": 0, "removed": 0}


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"a":' * 1_000_000, b"9" * 1_000_000])
async def test_json_that_is_deep_or_long_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await api.put(MEMBERS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
