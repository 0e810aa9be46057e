# SPDX-License-Identifier: Apache-2.0
"""A switch's TLS, there and back."""

from typing import Any

import httpx
import pytest

URL = "/api/v1/switches/s1"
SWITCH = {"address": "[::1]:9559", "host_ports": [1]}
FILES = {"ca": "/etc/ca.pem", "certificate": "/etc/c.pem", "key": "/etc/c.key"}


async def test_what_was_put_is_got(api: httpx.AsyncClient) -> None:
    for put, got in (
        (FILES, FILES),
        ({"ca": "/ca.pem"}, {"ca": "/ca.pem", "certificate": None, "key": None}),
        (None, None),
    ):
        answer = await api.put(URL, json=SWITCH | {"tls": put})
        assert answer.json()["tls"] == got
        assert (await api.get(URL)).json() == answer.json()


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({}, "tls/ca"),
        (FILES | {"ca": "ca.pem"}, "tls/ca"),
        (FILES | {"key": "c.key"}, "tls/key"),
        (FILES | {"password": "x"}, "tls/password"),
    ],
)
async def test_what_is_wrong_is_named(api: httpx.AsyncClient, tls: Any, said: str) -> None:
    answer = await api.put(URL, json=SWITCH | {"tls": tls})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
