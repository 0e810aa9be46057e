# SPDX-License-Identifier: Apache-2.0
# pyright: basic
# (schemathesis says its own types only in part)
"""The controller as it runs: whatever a client sends, it answers as described and lives on."""

import json
import re
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hectograph.api import openapi
from hectograph.api.client import Client
from hectograph.api.content_models import ContentSpec
from hectograph.api.models import (
    AddressingSpec,
    FileSource,
    GroupSpec,
    HostSpec,
    Source,
    SwitchSpec,
)
from hectograph.testbed import Program, Testbed

# /readyz answers 503 by design, which a general check takes for a fault.
schema = schemathesis.openapi.from_dict(json.loads(openapi.document())).exclude(path="/readyz")

URL = "http://127.0.0.1:8080"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
REFERENCES = {"name", "switch", "host", "group", "content"}
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SUPPRESSED = [HealthCheck.filter_too_much, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def controller() -> Iterator[Program]:
    with Testbed() as testbed:
        home = testbed.namespace("home")
        command = [sys.executable, "-m", "hectograph", "controller"]
        program = testbed.start("controller", command, home)
        program.wait_until(lambda: home.listens_on_tcp(8080), timeout=60)
        with home.entered():
            _settle()
        yield program
        assert program.stop(timeout=20) == 0, program.output()
        assert "Traceback" not in program.output()


def _settle() -> None:
    """Something of each kind, for the rest to refer to."""
    source = Source(mac="02:00:00:00:00:01", ipv4=IPv4Address("192.0.2.1"), udp_port=5000)
    with Client(URL) as client:
        addressing = AddressingSpec(mac="02:00:00:00:00:aa", ipv4=IPv4Address("192.0.2.9"))
        switch = SwitchSpec(address="127.0.0.1:1", host_ports=[1, 2, 3], addressing=addressing)
        client.switches.put("a", switch)
        client.hosts.put("a", HostSpec(control="/run/none.sock", switch="a", port=1))
        client.groups.put("a", GroupSpec(switch="a", source=source))
        client.contents.put("a", ContentSpec(switch="a", source=FileSource(path="/etc/hostname")))


def _make_small(case: schemathesis.Case) -> None:
    """Two names for everything: what refers to another thing then often finds it."""
    for place in (case.path_parameters, case.body):
        if isinstance(place, dict):
            for field in REFERENCES & place.keys():
                name = place[field]
                if isinstance(name, str) and NAME.fullmatch(name):
                    place[field] = "b" if case.method == "DELETE" else "ba"[len(name) % 2]


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=SUPPRESSED)
def test_nothing_upsets_it(case: schemathesis.Case, controller: Program) -> None:
    _make_small(case)
    with controller.namespace.entered():
        case.call_and_validate(base_url=URL, checks=CHECKS)
