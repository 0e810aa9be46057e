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
        {"device_id": 1, "profile": "embedded", "mtu": 1500, "ports": None, "host_ports": [1, 9]},
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
    assert (gone.status_code, gone.content) == (204, b"")
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
