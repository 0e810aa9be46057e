# SPDX-License-Identifier: Apache-2.0
"""What the routes ask for: the service, and a body that says what it is."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from hectograph.api.fields import Name
from hectograph.service import Service

BEARER = HTTPBearer(auto_error=False, description="Demanded when the controller has a token.")
"""Describes the token in openapi.json; api/guard.py demands it, before a body is read."""

JSON = "application/json"
_CHANGES = ("POST", "PUT", "PATCH")


def demand_json(request: Request) -> None:
    """Of every change, with a body or without: a web page can send other types to any server
    without asking it first (Fetch, 2.2.2, "CORS-safelisted request-header").
    """
    given = request.headers.get("content-type", "")
    if request.method in _CHANGES and given.partition(";")[0].strip().lower() != JSON:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"a {request.method} needs Content-Type: {JSON}, and has {given or 'none'}",
        )


def _service(request: Request) -> Service:
    return request.app.state.service


ServiceDep = Annotated[Service, Depends(_service)]
NamePath = Annotated[Name, Path()]
