# SPDX-License-Identifier: Apache-2.0
# pyright: basic
# (schemathesis says its own types only in part)
"""Whatever the description allows, and much that it does not: never a 500, always as described."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pydantic import SecretStr
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from hectograph.api.app import create_app
from hectograph.config import Settings
from hectograph.service import Service

TOKEN = "correct-horse-battery"

app = create_app(Settings.model_construct(token=SecretStr(TOKEN)))
schema = schemathesis.openapi.from_asgi(
    "/api/v1/openapi.json",
    app,
    config=schemathesis.Config.from_dict({"headers": {"Authorization": f"Bearer {TOKEN}"}}),
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
SUPPRESSED = [
    HealthCheck.filter_too_much,
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
]


@pytest.fixture(autouse=True)
def _keeping(service: Service) -> None:
    app.state.service = service


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=SUPPRESSED)
def test_the_api_is_what_it_says(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=CHECKS)
