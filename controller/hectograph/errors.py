# SPDX-License-Identifier: Apache-2.0
"""Every exception that Hectograph raises, in one tree.

HectographError                 anything a caller may want to catch
├── InvalidInput                what was asked for cannot be: the request must change
│   ├── UnsupportedFeature      a P4 program asks for what the target cannot do
│   └── LimitExceeded           more than the target or the link can carry
├── NotFound                    names something that does not exist
├── Conflict                    names something that exists already, or is in use
├── Unauthorized                no token, or the wrong one
├── Unavailable                 a switch, pusher or controller cannot be reached now
├── Refused                     what a P4Runtime client of the embedded switch may not have
└── ToolFailure                 a program that we ran (a compiler, say) failed

The message says what was being done to what. `where` names the input's place
(a field, a file, a table) when there is one.
"""


class HectographError(Exception):
    """Base of all; the REST API turns it into a problem document, the CLI into one line."""

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class InvalidInput(HectographError):
    """What was asked for cannot be done by anyone; the request must change."""


class UnsupportedFeature(InvalidInput):
    """A P4 program asks for something that the target does not do; named."""


class LimitExceeded(InvalidInput):
    """More than the target's profile or the link's MTU allows."""


class NotFound(HectographError):
    """The thing named does not exist."""


class Conflict(HectographError):
    """The thing named exists with other content, or is in use."""


class Unauthorized(HectographError):
    """The bearer token is missing or wrong."""


class Unavailable(HectographError):
    """A switch, pusher or controller cannot be reached now; a retry may succeed."""


class Refused(HectographError):
    """The embedded switch's answer to a P4Runtime client; `code` is google.rpc.Code's."""

    def __init__(self, code: int, message: str, *, where: str | None = None) -> None:
        super().__init__(message, where=where)
        self.code = code


class ToolFailure(HectographError):
    """A program that we ran failed; `output` holds what it printed."""

    def __init__(self, message: str, *, where: str | None = None, output: str = "") -> None:
        super().__init__(message, where=where)
        self.output = output
