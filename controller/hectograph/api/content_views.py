# SPDX-License-Identifier: Apache-2.0
"""Contents and the downloads that run, as GET returns them: views.py says more."""

from hectograph.api.content_models import ContentSpec
from hectograph.api.fields import Address, Model, Name
from hectograph.api.views import CounterValue, Items
from hectograph.core.flows import FlowPhase
from hectograph.core.status import ContentStage


class HostedContent(Model):
    """A content on one of its hosts."""

    host: Name
    phase: str
    """absent, preparing, ready, draining or withdrawn."""
    prepared_bytes: int
    """Of the response."""
    flows: int
    """Downloads that run."""
    error: str | None


class ContentStatus(Model):
    state: ContentStage
    """fetching: its bytes are being fetched, or read for their digest; preparing: its hosts
    take its sums, or its entries are on their way to the switch; serving; draining: removed,
    its last downloads finish; failed: see reason, to be removed or put again."""
    reason: str | None
    urls: list[str]
    """Where clients find it."""
    sha256: str | None
    bytes: int | None
    """null until it was fetched or read."""
    done_bytes: int
    """Fetched or read, or prepared by the slowest host."""
    total_bytes: int | None
    """Of the same; null where it is not known."""
    flows: int
    """Downloads that run, on all its hosts."""
    packets: CounterValue
    """From clients, as last read from the switch."""
    hosts: list[HostedContent]


class Content(ContentSpec):
    name: Name
    status: ContentStatus


class Flow(Model):
    """One client's TCP connection, as its host knows it."""

    host: Name
    content: Name | None
    """null: one that is not wanted any more."""
    client: Address
    client_port: int
    service: Address
    service_port: int
    phase: FlowPhase
    port: int
    """The switch's, where the client is."""
    acked: int
    """Of the response, bytes."""
    sent: int
    length: int
    """Of the response; 0 while the request is not there."""
    window: int
    congestion_window: int
    rtt_seconds: float
    recovering: bool


class Contents(Items[Content]):
    pass


class Flows(Items[Flow]):
    total: int
    """As last counted; `items` has the first of them."""
