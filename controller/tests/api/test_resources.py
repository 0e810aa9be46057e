# SPDX-License-Identifier: Apache-2.0
"""Every resource: put, put again, get, list, delete; what is left out gets its default."""

from typing import Any

import httpx
import pytest

SOURCE = {"mac": "02:00:00:00:00:01", "ipv4": "192.0.2.1", "ipv6": None, "udp_port": 5000}

# What is put, and with it what the answer adds.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/switches/s1": (
        {"address": "127.0.0.1:9559", "host_ports": [9, 1]},
        {
            "device_id": 1,
            "profile": "embedded",
            "mtu": 1500,
            "ports": None,
            "host_ports": [1, 9],
            "addressing": None,
            "tls": None,
            "metrics": None,
        },
    ),
    "/switches/s2": (
        {
            "address": "127.0.0.1:9559",
            "host_ports": [1],
            "addressing": {"mac": "02:00:00:00:00:AA", "ipv6": "2001:db8:1::/64"},
        },
        {
            "device_id": 1,
            "profile": "embedded",
            "mtu": 1500,
            "ports": None,
            "addressing": {
                "mac": "02:00:00:00:00:aa",
                "ipv6": "2001:db8:1::/64",
                "ipv4": None,
                "ipv4_first_port": 8001,
            },
            "tls": None,
            "metrics": None,
        },
    ),
    "/hosts/h1": ({"control": "/run/pusher.sock", "switch": "s1", "port": 1}, {}),
    "/groups/news": ({"switch": "s1", "source": SOURCE}, {"split": False}),
    "/groups/base/members/m1": (
        {"port": 2, "mac": "02:00:00:00:01:0A", "address": "2001:db8::2", "udp_port": 6000},
        {
            "group": "base",
            "mac": "02:00:00:00:01:0a",
            "vlan": None,
            "priority": 0,
            "hop_limit": 64,
            "source": None,
        },
    ),
    "/streams/file": (
        {
            "host": "h1",
            "group": "base",
            "source": {"kind": "file", "path": "/srv/news.bin"},
            "rate": {"bits_per_second": 1_000_000, "packets_per_second": None},
        },
        {"segment_bytes": None, "content": 0, "loop": False},
    ),
    "/streams/udp": (
        {
            "host": "h1",
            "group": "base",
            "source": {
                "kind": "udp",
                "address": "ff3e::1",
                "port": 5004,
                "multicast_interface": "eth0",
            },
            "rate": {"bits_per_second": None, "packets_per_second": 100},
            "segment_bytes": 1316,
        },
        {"content": 0, "loop": False},
    ),
    "/contents/film": (
        {"switch": "s1", "source": {"kind": "file", "path": "/srv/film.ts"}, "hosts": ["b", "a"]},
        {"sha256": None, "type": "application/octet-stream", "hosts": ["a", "b"]},
    ),
    "/contents/page": (
        {
            "switch": "s1",
            "source": {"kind": "url", "url": "https://example.org/page?x=1"},
            "sha256": "0f" * 32,
            "type": "text/html; charset=utf-8",
        },
        {"hosts": None},
    ),
}


@pytest.fixture
async def base(api: httpx.AsyncClient) -> None:
    """A group for members to be in."""
    answer = await api.put("/api/v1/groups/base", json={"switch": "s1", "source": SOURCE})
    assert answer.status_code == 201


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize(("path", "spec", "added"), [(p, *v) for p, v in KINDS.items()], ids=KINDS)
async def test_a_resource_lives_and_ends(
    api: httpx.AsyncClient, path: str, spec: dict[str, Any], added: dict[str, Any]
) -> None:
    url = f"/api/v1{path}"
    collection, _, name = url.rpartition("/")

    created = await api.put(url, json=spec)
    assert created.status_code == 201
    shown = created.json()
    assert shown.pop("status")
    assert shown == {"name": name} | spec | added

    again = await api.put(url, json=spec)
    assert again.status_code == 200
    assert again.json() == created.json()
    assert (await api.get(url)).json() == created.json()
    assert created.json() in (await api.get(collection)).json()["items"]

    gone = await api.delete(url)
    assert gone.status_code == (202 if collection.endswith("contents") else 204)
    assert (await api.get(url)).status_code == 404
    assert (await api.delete(url)).status_code == 404


def _members(*numbers: int) -> dict[str, Any]:
    return {
        "items": [
            {
                "name": f"m{number}",
                "port": number,
                "mac": f"02:00:00:00:01:{number:02x}",
                "address": f"192.0.2.{number}",
                "udp_port": 6000,
            }
            for number in numbers
        ]
    }


@pytest.mark.usefixtures("base")
async def test_a_set_of_members_is_replaced_at_once(api: httpx.AsyncClient) -> None:
    url = "/api/v1/groups/base/members"
    assert (await api.put(url, json=_members(1, 2, 3))).json() == {
        "added": 3,
        "changed": 0,
        "removed": 0,
    }
    changed = _members(2, 3, 4)
    changed["items"][0]["udp_port"] = 7000
    answer = await api.put(url, json=changed)
    assert answer.status_code == 200
    assert answer.json() == {"added": 1, "changed": 1, "removed": 1}
    items = (await api.get(url)).json()["items"]
    assert [(each["name"], each["udp_port"]) for each in items] == [
        ("m2", 7000),
        ("m3", 6000),
        ("m4", 6000),
    ]
    assert items[1]["status"] == {
        "state": "applied",
        "reason": None,
        "slot": {"tree": 7, "instance": 1},
    }


@pytest.mark.usefixtures("base")
async def test_counters_say_what_the_switch_counted(api: httpx.AsyncClient) -> None:
    await api.put("/api/v1/groups/base/members", json=_members(1))
    (switch,) = (await api.get("/api/v1/counters")).json()["items"]
    assert switch["ingress_drops"] == {"malformed": {"packets": 3, "bytes": 42}}
    value = {"packets": 1, "bytes": 1430}
    assert (await api.get("/api/v1/groups/base/counters")).json() == {
        "group": "base",
        "read_at": None,
        "trees": [{"group": "base", "tree": 7, "value": value}],
        "members": [{"group": "base", "member": "m1", "value": value}],
    }


FILM = {"switch": "s1", "source": {"kind": "file", "path": "/srv/film.ts"}}


@pytest.mark.parametrize(("query", "reset"), [("", False), ("?reset=true", True)])
async def test_downloads_finish_or_are_reset(
    api: httpx.AsyncClient, service: Any, query: str, reset: bool
) -> None:
    await api.put("/api/v1/contents/film", json=FILM)
    assert (await api.delete(f"/api/v1/contents/film{query}")).status_code == 202
    assert service.reset == [reset]


async def test_flows_are_listed_with_how_many_there_are(api: httpx.AsyncClient) -> None:
    for name in ("h1", "h2"):
        host = {"control": f"/run/{name}.sock", "switch": "s1", "port": 1}
        await api.put(f"/api/v1/hosts/{name}", json=host)
    await api.put("/api/v1/contents/film", json=FILM)

    async def listed(query: str) -> tuple[list[tuple[str, str | None]], int]:
        answer = (await api.get(f"/api/v1/flows{query}")).json()
        return [(each["host"], each["content"]) for each in answer["items"]], answer["total"]

    assert await listed("") == ([("h1", "film"), ("h2", None)], 6)
    assert await listed("?limit=1") == ([("h1", "film")], 6)
    assert await listed("?host=h2") == ([("h2", None)], 3)
    assert await listed("?content=film") == ([("h1", "film")], 2)
    assert await listed("?content=film&host=h2") == ([], 0)
    flow = (await api.get("/api/v1/flows")).json()["items"][0]
    assert (flow["client"], flow["service"], flow["phase"]) == (
        "2001:db8::c",
        "198.51.100.1",
        "response",
    )
    for query in ("?content=none", "?host=none"):
        assert (await api.get(f"/api/v1/flows{query}")).status_code == 404
    for query in ("?limit=0", "?limit=10001", "?content=No_Name"):
        assert (await api.get(f"/api/v1/flows{query}")).status_code == 422


async def test_cohorts_are_listed_with_their_members(api: httpx.AsyncClient) -> None:
    host = {"control": "/run/h1.sock", "switch": "s1", "port": 1}
    await api.put("/api/v1/hosts/h1", json=host)
    await api.put("/api/v1/contents/film", json=FILM)

    async def listed(query: str) -> list[tuple[str, str | None]]:
        answer = (await api.get(f"/api/v1/cohorts{query}")).json()
        return [(each["host"], each["content"]) for each in answer["items"]]

    assert await listed("") == [("h1", "film"), ("h2", None)]
    assert await listed("?host=h1") == await listed("?content=film") == [("h1", "film")]
    answer = (await api.get("/api/v1/cohorts?members=1")).json()
    cohort = answer["items"][0]
    assert (cohort["cohort"], cohort["phase"], cohort["members"]) == (7, "running", 2)
    assert (cohort["sent"], cohort["acked"], cohort["lag"]) == (500_000, 250_000, 250_000)
    (slowest,) = cohort["slowest"]
    assert slowest == {
        "instance": 1,
        "client": "2001:db8:2::1",
        "client_port": 40_001,
        "entered": True,
        "acked": 250_001,
        "lag": 249_999,
        "window": 65_536,
        "repair_bytes": 1408,
    }
    totals = answer["totals"]
    assert (totals["running"], totals["forming"], totals["members"]) == (1, 0, 2)
    assert (totals["entries"], totals["members_per_push"]) == (64, 64.0)
    assert totals["gain"] == (640_000 + 2_500) / 12_500
    assert {why: count for why, count in totals["left"].items() if count} == {
        "behind": 3,
        "all-sent": 64,
    }
    assert totals["refused"]["members"] == 2
    assert answer["hosts"] == [
        {"host": "h1", "reason": None},
        {"host": "h2", "reason": "no pusher answers"},
    ]
    for query in ("?content=none", "?host=none"):
        assert (await api.get(f"/api/v1/cohorts{query}")).status_code == 404
    for query in ("?members=-1", "?members=10001", "?content=No_Name"):
        assert (await api.get(f"/api/v1/cohorts{query}")).status_code == 422


async def test_secrets_are_rotated_and_never_shown(api: httpx.AsyncClient) -> None:
    url = "/api/v1/switches/s1"
    await api.put(url, json={"address": "127.0.0.1:9559", "host_ports": [1]})
    assert (await api.get(url)).json()["status"]["secrets"] is None
    await api.post(f"{url}/rotate-secrets", json={})
    answer = await api.post(f"{url}/advance-epoch", json={})
    assert answer.json() == {
        "number": 1,
        "rotated_at": "2026-07-06T10:00:00Z",
        "epoch": 2,
        "advanced_at": "2026-07-06T10:00:00Z",
    }
    assert (await api.get(url)).json()["status"]["secrets"] == answer.json()
    assert (await api.post("/api/v1/switches/none/rotate-secrets", json={})).status_code == 404


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "/switches/s1",
        {"addressing": {"mac": "02:00:00:00:00:aa", "ipv6": "2001:db8::1/64"}},
        "host bits",
    ),
    ("/switches/s1", {"addressing": {"mac": "02:00:00:00:00:aa", "ipv6": "::/129"}}, "129"),
    ("/switches/s1", {"addressing": {"mac": "02:00:00:00:00:aa", "ipv6": 1}}, "string"),
    ("/contents/c", FILM | {"sha256": "AB" * 32}, "sha256"),
    ("/contents/c", FILM | {"hosts": []}, "hosts"),
    ("/contents/c", FILM | {"hosts": ["a", "a"]}, "twice"),
    ("/contents/c", FILM | {"source": {"kind": "url", "url": "ftp://example.org/x"}}, "url"),
    ("/contents/c", FILM | {"source": {"kind": "udp", "url": "http://example.org/x"}}, "kind"),
]


@pytest.mark.parametrize(("path", "spec", "said"), WRONG)
async def test_what_is_wrong_is_named(
    api: httpx.AsyncClient, path: str, spec: dict[str, Any], said: str
) -> None:
    if path.startswith("/switches"):
        spec = {"address": "127.0.0.1:9559", "host_ports": [1]} | spec
    answer = await api.put(f"/api/v1{path}", json=spec)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
