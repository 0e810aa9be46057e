# SPDX-License-Identifier: Apache-2.0
"""What the routes ask for: the service, and whether the caller may."""

import secrets
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hectograph.api.models import Name
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
        return
    if credentials is None:
        raise Unauthorized("the controller demands a bearer token")
    expected = settings.token.get_secret_value().encode()
    if not secrets.compare_digest(credentials.credentials.encode(), expected):
        raise Unauthorized("the bearer token is not the controller's")


ServiceDep = Annotated[Service, Depends(_service)]
NamePath = Annotated[Name, Path()]
