# SPDX-License-Identifier: Apache-2.0
"""A request's body has a limit, whether or not it announces its length."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Raises where the body is read, so that the answer is a problem document."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = _content_length(scope)
        received = 0

        async def limited() -> Message:
            nonlocal received
            if announced <= self._max_bytes:
                message = await receive()
                received += len(message.get("body", b""))
                if received <= self._max_bytes:
                    return message
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has {self._max_bytes} bytes at most"
            )

        await self._app(scope, limited, send)


def _content_length(scope: Scope) -> int:
    if scope["type"] != "http":
        return 0
    announced = Headers(scope=scope).get("content-length", "")
    return int(announced) if announced.isdecimal() else 0
