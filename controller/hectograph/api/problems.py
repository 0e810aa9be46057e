# SPDX-License-Identifier: Apache-2.0
"""Every error that leaves the API is a problem document."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from hectograph.api.fields import MAX_ERRORS
from hectograph.api.problem import MEDIA_TYPE, URN, InvalidField, Problem, kind_of
from hectograph.errors import HectographError

RESPONSE: dict[str, Any] = {
    "description": "A problem",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def schemas() -> dict[str, Any]:
    """What RESPONSE refers to."""
    _, schema = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    return schema["$defs"]


_OF_STATUS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "bad-request",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type",
    HTTPStatus.MISDIRECTED_REQUEST: "misdirected-request",
}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
}


def install(app: FastAPI) -> None:
    """Turn every exception that reaches the framework into a problem document."""

    @app.exception_handler(HectographError)
    async def of_hectograph(request: Request, error: HectographError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def of_validation(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        wrong = [_invalid_field(each) for each in found[:MAX_ERRORS]]
        lines = [f"{field.pointer or field.parameter}: {field.detail}" for field in wrong]
        if len(found) > MAX_ERRORS:
            lines.append(f"and {len(found) - MAX_ERRORS} more")
        detail = "; ".join(lines)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _respond(request, status, "invalid-input", detail, errors=wrong)

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        detail = error.detail
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed(app, request.url.path))
            detail = f"{request.method} is not among {headers['Allow']}"
        elif error.status_code == HTTPStatus.NOT_FOUND:
            detail = f"there is nothing at {request.url.path}"
        return answer(request, HTTPException(error.status_code, detail, headers))

    @app.exception_handler(Exception)
    async def of_anything(request: Request, _error: Exception) -> Response:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return _respond(request, status, "internal", "a fault of the controller's; see its log")

    _ = (of_hectograph, of_validation, of_http, of_anything)


def answer(request: Request, error: HectographError | HTTPException) -> Response:
    """The problem document of an exception, for whoever stands in front of the framework."""
    if isinstance(error, HectographError):
        status, slug = kind_of(error)
        return _respond(request, status, slug, error.message, where=error.where)
    status = HTTPStatus(error.status_code)
    slug = _OF_STATUS.get(status, f"http-{status}")
    return _respond(request, status, slug, error.detail, headers=error.headers)


def _respond(
    request: Request,
    status: HTTPStatus,
    slug: str,
    detail: str,
    *,
    where: str | None = None,
    errors: list[InvalidField] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    problem = Problem(
        type=URN + slug,
        title=status.phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        where=where,
        errors=errors,
    )
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**_HEADERS.get(status, {}), **(headers or {})},
    )


def _invalid_field(error: Mapping[str, Any]) -> InvalidField:
    place, *path = error["loc"]
    detail = re.sub(r"^Value error, ", "", error["msg"])
    if place != "body":
        return InvalidField(detail=detail, parameter=".".join(map(str, path)))
    if error["type"] == "json_invalid":
        return InvalidField(detail=f"not JSON: {error['ctx']['error']}", pointer="#")
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return InvalidField(detail=detail, pointer="/".join(["#", *escaped]))


def _allowed(app: FastAPI, path: str) -> list[str]:
    """RFC 9110, 15.5.6: all methods of the path; the framework knows those of one route."""
    methods: set[str] = set()
    for template, item in app.openapi()["paths"].items():
        pattern, _, _ = compile_path(template)
        if pattern.match(path):
            methods |= {method.upper() for method in item}
    return sorted(methods)
