# SPDX-License-Identifier: Apache-2.0
"""The controller's settings: the environment's ``HECTOGRAPH_*``, overridden by the command line."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hectograph.core.cohorts import CohortSettings
from hectograph.errors import InvalidInput
from hectograph.library.roots import Roots
from hectograph.paths import state_dir

MIN_TOKEN_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where the REST API listens, or the embedded switch's metrics are."""

    host: str
    """An IP address, or ``localhost``."""
    port: int
    """0 lets the kernel choose."""

    @classmethod
    def parse(cls, text: str) -> Self:
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise ValueError(f"{text!r} is not HOST:PORT")
        if host != "localhost":
            ip_address(host)
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        return self.host == "localhost" or ip_address(self.host).is_loopback

    @property
    def reachable(self) -> Self:
        """How this machine itself gets there: not by "any address"."""
        any_address = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return replace(self, host=any_address.get(self.host, self.host))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _listen_address(value: object) -> object:
    return ListenAddress.parse(value) if isinstance(value, str) else value


def _paths(value: object) -> object:
    paths = value.split(os.pathsep) if isinstance(value, str) else value
    return [Path(each).absolute() for each in cast("Iterable[Path | str]", paths) if each]


def _names(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HECTOGRAPH_", frozen=True)

    listen: Annotated[ListenAddress, NoDecode, BeforeValidator(_listen_address)] = ListenAddress(
        "127.0.0.1", 8080
    )
    database: Path = Field(default_factory=lambda: state_dir() / "controller.db")
    token: SecretStr | None = None
    """Demanded of every request under /api and of /metrics when it is set."""
    token_file: Path | None = None
    """Read for the token when that is not set itself."""
    max_body_bytes: int = Field(default=8 << 20, gt=0)
    """Of a request: a set of 16,384 members fits."""
    max_member_series: int = Field(default=1000, ge=0)
    """How many members /metrics breaks down at most; groups are always there."""
    max_content_series: int = Field(default=1000, ge=0)
    """The same for contents."""
    cohort_window_ms: float = Field(default=5.0, ge=0.0, le=1000.0)
    """How long a download of a content in demand waits for others; 0: there are no cohorts."""
    cohort_patience_ms: float = Field(default=100.0, ge=0.0, le=10_000.0)
    """Beyond the window: how long it waits for its entry in the switch, then it goes alone."""
    cohort_members: int = Field(default=0, ge=0, le=0xFFFF)
    """Of one cohort, at most; 0: as many as the pusher can."""
    content_root: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)] = ()
    """What may be served lies beneath one of them, `:` between two; empty: in the working
    directory or /srv, and everybody on the machine may read it."""
    link: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    """Interfaces of this machine without which nothing is ready, `,` between two."""
    shutdown_seconds: int = Field(default=5, gt=0)
    """For requests that are under way when the controller is told to stop."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def cohorts(self) -> CohortSettings:
        return CohortSettings(
            self.cohort_window_ms / 1000, self.cohort_patience_ms / 1000, self.cohort_members
        )

    @property
    def roots(self) -> Roots:
        return Roots(self.content_root) if self.content_root else Roots.default()

    @model_validator(mode="before")
    @classmethod
    def _read_token_file(cls, values: dict[str, Any]) -> dict[str, Any]:
        path = values.get("token_file")
        if path is None or values.get("token") is not None:
            return values
        try:
            return values | {"token": Path(path).read_text().strip()}
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read the token from {path}: {error}") from error

    @model_validator(mode="after")
    def _token_where_it_is_needed(self) -> Self:
        if self.token is None and not self.listen.is_loopback:
            raise ValueError(
                f"listening on {self.listen} lets other machines in: "
                "set HECTOGRAPH_TOKEN or --token-file"
            )
        if self.token is not None and len(self.token) < MIN_TOKEN_CHARACTERS:
            raise ValueError(f"the token is shorter than {MIN_TOKEN_CHARACTERS} characters")
        return self


def load_settings(**overrides: object) -> Settings:
    """The environment's settings, with those overrides that are not None."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or None
        raise InvalidInput(first["msg"].removeprefix("Value error, "), where=where) from error
