# SPDX-License-Identifier: Apache-2.0
"""Every error is a problem document that names what was wrong and where."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from hectograph import errors
from hectograph.api.problem import KINDS, Problem, exception_of
from hectograph.config import Settings
from hectograph.service import Service

GROUP: dict[str, Any] = {
    "switch": "s1",
    "source": {"mac": "02:00:00:00:00:01", "ipv4": "192.0.2.1", "udp_port": 5000},
}


def _problem(answer: httpx.Response, status: int, kind: str) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == status
    assert problem.type == f"urn:hectograph:problem:{kind}"
    assert problem.instance == answer.request.url.path
    assert problem.detail
    return problem


@pytest.mark.parametrize("path", ["/", "/api/v1/nothing", "/api/v1/groups/", "/healthz/"])
async def test_an_unknown_path(api: httpx.AsyncClient, path: str) -> None:
    _problem(await api.get(path), 404, "not-found")


async def test_an_unknown_name_is_named(api: httpx.AsyncClient) -> None:
    problem = _problem(await api.get("/api/v1/groups/news"), 404, "not-found")
    assert problem.where == "news"


async def test_a_method_that_is_none_of_the_path(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/v1/groups/news")
    _problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "DELETE, GET, PUT"


async def test_a_name_that_is_none(api: httpx.AsyncClient) -> None:
    problem = _problem(await api.get("/api/v1/groups/No_Name"), 422, "invalid-input")
    assert problem.errors is not None
    assert [field.parameter for field in problem.errors] == ["name"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"switch": None}, "#/switch"),
        ({"switch": 1}, "#/switch"),
        ({"split": "yes"}, "#/split"),
        ({"extra": 1}, "#/extra"),
        ({"source": {}}, "#/source/mac"),
        ({"source": GROUP["source"] | {"mac": "02:00"}}, "#/source/mac"),
        ({"source": GROUP["source"] | {"udp_port": 0}}, "#/source/udp_port"),
        ({"source": GROUP["source"] | {"udp_port": "80"}}, "#/source/udp_port"),
        ({"source": GROUP["source"] | {"udp_port": True}}, "#/source/udp_port"),
        ({"source": GROUP["source"] | {"ipv4": 3221225985}}, "#/source/ipv4"),
        ({"source": GROUP["source"] | {"ipv4": "2001:db8::1"}}, "#/source/ipv4"),
        ({"source": GROUP["source"] | {"ipv6": "fe80::1%eth0"}}, "#/source/ipv6"),
        ({"a/b~c": 1}, "#/a~1b~0c"),
    ],
)
async def test_a_wrong_field_is_pointed_at(
    api: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    problem = _problem(
        await api.put("/api/v1/groups/news", json=GROUP | change), 422, "invalid-input"
    )
    assert problem.errors is not None
    assert pointer in {field.pointer for field in problem.errors}
    assert pointer in problem.detail
    _problem(await api.get("/api/v1/groups/news"), 404, "not-found")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff\xfe", b"[]", b'{"switch": "\\ud800"}']
)
async def test_a_body_that_is_not_even_an_object(api: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await api.put("/api/v1/groups/news", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    _problem(
        answer, answer.status_code, "invalid-input" if answer.status_code == 422 else "bad-request"
    )


async def test_a_body_of_another_type(api: httpx.AsyncClient) -> None:
    answer = await api.put(
        "/api/v1/groups/news", content=b"{}", headers={"content-type": "text/plain"}
    )
    _problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_long(
    api: httpx.AsyncClient, settings: Settings, announced: bool
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(settings.max_body_bytes // (1 << 20) + 1):
            yield b" " * (1 << 20)

    content = b" " * (settings.max_body_bytes + 1) if announced else endless()
    headers = {"content-type": "application/json"}
    answer = await api.put("/api/v1/groups/news", content=content, headers=headers)
    problem = _problem(answer, 413, "too-large")
    assert str(settings.max_body_bytes) in problem.detail


@pytest.mark.parametrize("kind", KINDS)
async def test_every_error_of_the_service(
    api: httpx.AsyncClient,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[errors.HectographError],
) -> None:
    async def fail() -> None:
        raise kind("it is too blue", where="group news")

    monkeypatch.setattr(service, "list_groups", fail)
    answer = await api.get("/api/v1/groups")
    problem = _problem(answer, *((KINDS[kind][0]), KINDS[kind][1]))
    assert (problem.detail, problem.where) == ("it is too blue", "group news")
    assert type(exception_of(problem)) is kind
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if answer.status_code == 503:
        assert answer.headers["retry-after"] == "1"


async def test_an_error_that_nobody_foresaw_says_nothing_of_itself(
    api: httpx.AsyncClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(service, "list_groups", fail)
    problem = _problem(await api.get("/api/v1/groups"), 500, "internal")
    assert "secret" not in problem.detail
