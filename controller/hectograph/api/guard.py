# SPDX-License-Identifier: Apache-2.0
"""Who may ask: decided from a request's head alone, before anything of its body is read."""

import re
import secrets
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from hectograph.api import problems
from hectograph.errors import HectographError, Unauthorized

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]*))?")
"""RFC 9110, 7.2, without the forms that no machine has for a name."""


class Guard:
    """Refuses what another origin's page, another name's page, or nobody known sends.

    Without a token the API is on loopback alone, where each page that a browser shows can
    reach it: under its own origin, or under a name of its own that resolves to loopback (DNS
    rebinding). Both are refused whether or not there is a token.
    """

    def __init__(self, app: ASGIApp, token: SecretStr | None, public: frozenset[str]) -> None:
        """`public`: paths that need no token."""
        self._app = app
        self._token = token
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                self._check(request)
            except (HectographError, HTTPException) as refusal:
                await problems.answer(request, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        host = _host(request)
        _demand_same_origin(request, host)
        if self._token is None:
            _demand_loopback_name(host)
        elif request.url.path not in self._public:
            _demand_token(request, self._token)


def _host(request: Request) -> re.Match[str]:
    """The request's own: the framework takes the socket's address for one that is malformed."""
    given = request.headers.getlist("host")
    matched = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    if matched is None:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"Host is not one HOST[:PORT]: {given}")
    return matched


def _demand_same_origin(request: Request, host: re.Match[str]) -> None:
    """Browsers say where a request comes from (Fetch Metadata, 2.3; RFC 6454, 7.3)."""
    site = request.headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin"):
        raise HTTPException(HTTPStatus.FORBIDDEN, f"a page of another origin asks: {site}")
    for origin in request.headers.getlist("origin"):
        if urlsplit(origin).netloc.lower() != host[0].lower():
            raise HTTPException(HTTPStatus.FORBIDDEN, f"a page of another origin asks: {origin!r}")


def _demand_loopback_name(host: re.Match[str]) -> None:
    name = host["name"].strip("[]").lower()
    if name == "localhost":
        return
    try:
        loopback = ip_address(name).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise HTTPException(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"without a token only localhost and loopback addresses are answered, not {name!r}",
        )


def _demand_token(request: Request, token: SecretStr) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise Unauthorized("the controller demands a bearer token")
    if not secrets.compare_digest(given.strip().encode(), token.get_secret_value().encode()):
        raise Unauthorized("the bearer token is not the controller's")
