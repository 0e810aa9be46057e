# SPDX-License-Identifier: Apache-2.0
"""What the routes ask for: the service, and whether the caller may."""

import secrets
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from hectograph.api.fields import Name
from hectograph.config import Settings
from hectograph.errors import Unauthorized
from hectograph.service import Service


def _service(request: Request) -> Service:
    return request.app.state.service


_bearer = HTTPBearer(auto_error=False, description="Demanded when the controller has a token.")


def authorize(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    settings: Settings = request.app.state.settings
    if settings.token is None:
        _demand_loopback_name(request.url.hostname or "")
        return
    if credentials is None:
        raise Unauthorized("the controller demands a bearer token")
    expected = settings.token.get_secret_value().encode()
    if not secrets.compare_digest(credentials.credentials.encode(), expected):
        raise Unauthorized("the bearer token is not the controller's")


def _demand_loopback_name(host: str) -> None:
    """Without a token the API is on loopback alone, and a page that a browser shows could
    reach it under a name of its own that resolves to loopback (DNS rebinding): refused.
    """
    if host == "localhost":
        return
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise HTTPException(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"without a token only localhost and loopback addresses are answered, not {host!r}",
        )


ServiceDep = Annotated[Service, Depends(_service)]
NamePath = Annotated[Name, Path()]
