# SPDX-License-Identifier: Apache-2.0
"""The problem document (RFC 9457), and the exceptions that it stands for on both ends."""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict

from hectograph import errors

MEDIA_TYPE = "application/problem+json"
URN = "urn:hectograph:problem:"


class InvalidField(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    detail: str
    pointer: str | None = None
    """Where in the body, as a URI fragment (RFC 6901, 6): ``#/source/mac``."""
    parameter: str | None = None
    """Which part of the path or query, when it is not the body."""


class Problem(BaseModel):
    """What was wrong, and where."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    """Stable; what a program should look at."""
    title: str
    status: int
    detail: str
    instance: str
    """The request's path."""
    where: str | None = None
    """The input's place, when there is one: a field, a file, a table."""
    errors: list[InvalidField] | None = None
    """What is wrong with a request's shape: of many things the first."""


# A subclass stands before its base.
KINDS: Mapping[type[errors.HectographError], tuple[HTTPStatus, str]] = {
    errors.UnsupportedFeature: (HTTPStatus.UNPROCESSABLE_ENTITY, "unsupported-feature"),
    errors.LimitExceeded: (HTTPStatus.UNPROCESSABLE_ENTITY, "limit-exceeded"),
    errors.InvalidInput: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input"),
    errors.NotFound: (HTTPStatus.NOT_FOUND, "not-found"),
    errors.Conflict: (HTTPStatus.CONFLICT, "conflict"),
    errors.Unauthorized: (HTTPStatus.UNAUTHORIZED, "unauthorized"),
    errors.Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    errors.ToolFailure: (HTTPStatus.INTERNAL_SERVER_ERROR, "tool-failure"),
    errors.HectographError: (HTTPStatus.INTERNAL_SERVER_ERROR, "internal"),
}


def kind_of(error: errors.HectographError) -> tuple[HTTPStatus, str]:
    """Status, and the last part of the problem's type."""
    return next(kind for of, kind in KINDS.items() if isinstance(error, of))


def exception_of(problem: Problem) -> errors.HectographError:
    """The exception that a problem document was made from: what a client raises."""
    for kind, (_, slug) in KINDS.items():
        if problem.type == URN + slug:
            return kind(problem.detail, where=problem.where)
    return errors.HectographError(f"{problem.title}: {problem.detail}", where=problem.where)
