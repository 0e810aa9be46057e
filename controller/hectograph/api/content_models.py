# SPDX-License-Identifier: Apache-2.0
"""Contents as they are wanted, as JSON: models.py says more."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from hectograph.api.fields import Model, Name, Names
from hectograph.api.models import FileSource, stream_source
from hectograph.core import model
from hectograph.core.redact import redact


def _content_source(value: object) -> object:
    if isinstance(value, model.UrlSource):
        return UrlSource(url=redact(value.url))
    return stream_source(value)


class UrlSource(Model):
    kind: Literal["url"] = "url"
    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+\S*$", max_length=4095)]
    """Fetched into the controller's store. A password in it is never shown, and forgotten when
    that is done."""

    def to_model(self) -> model.UrlSource:
        return model.UrlSource(self.url)


class ContentSpec(Model):
    switch: Name
    source: Annotated[
        Annotated[FileSource | UrlSource, Field(discriminator="kind")],
        BeforeValidator(_content_source),
    ]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """What it must be; null takes what it is."""
    type: Annotated[str, Field(min_length=3, max_length=127)] = "application/octet-stream"
    """Media type."""
    hosts: Names | None = None
    """Who serves it; null: every host of the switch."""

    def to_model(self, name: str) -> model.Content:
        return model.Content(
            name=name,
            switch=self.switch,
            source=self.source.to_model(),
            sha256=self.sha256,
            type=self.type,
            hosts=None if self.hosts is None else frozenset(self.hosts),
        )
