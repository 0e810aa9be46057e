# SPDX-License-Identifier: Apache-2.0
"""Who is in the filter, and for how long: until the epoch has changed twice."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from packetlab.lab import HOST_PORT
from packetlab.site import Site
from packetlab.tcp import (
    CURRENT,
    MAYBE_CURRENT,
    MAYBE_PREVIOUS,
    PREVIOUS,
    Client,
    constants,
    ipv4_client,
    ipv6_client,
)

LOW = constants(7, 2, 1)
IPV4, IPV6 = ipv4_client(), ipv6_client()


def handshake(site: Site, client: Client) -> None:
    site.enter(client, LOW)


def push(site: Site, client: Client) -> None:
    site.lab.exchange(HOST_PORT, [client.push(secret=site.secrets.number, constants=LOW)])


WAYS: dict[str, Callable[[Site, Client], None]] = {"handshake": handshake, "push": push}


def check(site: Site, client: Client, flags: int, secret: int | None = None) -> None:
    """An ACK in the middle of the response is pulled with these flags."""
    number = client.first(secret or site.secrets.current, LOW) + 1280
    frame = client.segment("A", ack=number)
    site.pulled(client, frame, site.pull(client, frame, number % (1 << 32), flags))


@pytest.mark.parametrize("enter", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_ages_by_epochs(site: Site, client: Client, enter: Callable[[Site, Client], None]) -> None:
    check(site, client, MAYBE_CURRENT)
    enter(site, client)
    check(site, client, CURRENT)
    site.set_secrets(site.secrets.aged())
    check(site, client, CURRENT)
    site.set_secrets(site.secrets.aged())
    check(site, client, MAYBE_CURRENT)


def test_a_push_keeps_it_fresh(site: Site) -> None:
    for _ in range(4):
        push(site, IPV4)
        site.set_secrets(site.secrets.aged())
        check(site, IPV4, CURRENT)


def test_an_ack_does_not(site: Site) -> None:
    handshake(site, IPV4)
    site.set_secrets(site.secrets.aged())
    check(site, IPV4, CURRENT)
    site.set_secrets(site.secrets.aged())
    check(site, IPV4, MAYBE_CURRENT)


def test_the_largest_epoch_and_the_first(site: Site) -> None:
    site.set_secrets(replace(site.secrets, epoch=255, previous_epoch=254))
    handshake(site, IPV4)
    site.set_secrets(site.secrets.aged())
    assert (site.secrets.epoch, site.secrets.previous_epoch) == (1, 255)
    check(site, IPV4, CURRENT)


def test_a_push_under_the_previous_secret_enters_that(site: Site) -> None:
    frame = IPV4.push(secret=site.secrets.number - 1, constants=LOW)
    site.lab.exchange(HOST_PORT, [frame])
    check(site, IPV4, PREVIOUS, site.secrets.previous)
    check(site, IPV4, MAYBE_CURRENT)


def test_entering_one_secret_does_not_enter_the_other(site: Site) -> None:
    handshake(site, IPV4)
    check(site, IPV4, MAYBE_PREVIOUS, site.secrets.previous)


@pytest.mark.parametrize(
    "other",
    [
        replace(IPV4, port=IPV4.port + 1),
        replace(IPV4, address=IPV4.address + 1),
        IPV6,
    ],
    ids=["port", "address", "family"],
)
def test_nor_another_flow(site: Site, other: Client) -> None:
    handshake(site, IPV4)
    check(site, other, MAYBE_CURRENT)


def test_a_syn_enters_nobody(site: Site) -> None:
    site.exchange(IPV4, *[IPV4.segment("S")] * 3)
    check(site, IPV4, MAYBE_CURRENT)


def test_near_misses_of_a_handshake_enter_nobody(site: Site) -> None:
    """Every number one bit of the cookie beside the right one."""
    first = IPV4.first(site.secrets.current, LOW)
    site.exchange(IPV4, *(IPV4.segment("A", ack=first ^ 1 << bit) for bit in range(7, 32)))
    check(site, IPV4, MAYBE_CURRENT)


def test_what_another_saw_enters_nobody(site: Site) -> None:
    """A number replayed from another address."""
    seen = IPV4.first(site.secrets.current, LOW)
    spoofed = replace(IPV4, address=IPV4.address + 7)
    site.exchange(spoofed, spoofed.segment("A", ack=seen))
    check(site, spoofed, MAYBE_CURRENT)
