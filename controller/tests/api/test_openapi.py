# SPDX-License-Identifier: Apache-2.0
"""The committed description is the API's, and names every operation once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hectograph.api import openapi

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def test_the_committed_description_is_up_to_date() -> None:
    assert COMMITTED.read_text() == openapi.document(), (
        "run: python -m hectograph.api.openapi > docs/openapi.json"
    )


def test_operation_ids_are_unique() -> None:
    ids = [each["operationId"] for each in _operations(json.loads(openapi.document()))]
    assert len(ids) == len(set(ids))
    assert "put_member" in ids


def test_every_error_is_a_problem_document() -> None:
    document = json.loads(openapi.document())
    for operation in _operations(document):
        assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}
    assert {"Problem", "InvalidField"} <= document["components"]["schemas"].keys()


def test_every_resource_demands_a_token() -> None:
    paths = json.loads(openapi.document())["paths"]
    open_paths = {
        path
        for path, item in paths.items()
        if any("security" not in each for each in item.values())
    }
    assert open_paths == {"/healthz"}


def test_the_environment_does_not_change_the_description(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HECTOGRAPH_LISTEN", "nonsense")
    assert openapi.document() == COMMITTED.read_text()
