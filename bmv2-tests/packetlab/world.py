# SPDX-License-Identifier: Apache-2.0
"""Random table entries, as a controller may write them: a world for random frames."""

import random
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import finsy as fy

from packetlab.frames import Member, tcp_member
from packetlab.lab import CLIENT_PORTS, HOST_PORT, Lab
from packetlab.site import BUCKETS, mapped
from packetlab.tcp import Client, Secrets

Address = IPv4Address | IPv6Address

PORTS = (HOST_PORT, *CLIENT_PORTS)
ABSENT_PORTS = (0, 9, 300, 509, 511)
"""No link is there; 511 is v1model's drop port."""
GROUPS = 6
MEMBERS_PER_PORT = 3
"""BMv2's egress queue of a port has to hold these copies of all frames of a batch."""
CONTENTS = 6
HOST_SETS = 3
CLIENTS = 8
# Martians among the clients are as much part of the world as the others.
CLIENT_ADDRESSES = ("127.0.0.1", "0.1.2.3", "224.0.0.5", "255.255.255.255", "::", "::1", "ff02::1")


@dataclass(frozen=True, slots=True)
class Group:
    number: int
    members: tuple[Member, ...]
    empty: tuple[Member, ...]
    """Slots without a member."""
    has_tree: bool


@dataclass(frozen=True, slots=True)
class World:
    host_port: int | None
    """Besides the one that every test has."""
    groups: tuple[Group, ...]
    secrets: Secrets
    entries: tuple[fy.P4TableEntry, ...]
    clients: tuple[Client, ...]
    addresses: tuple[Address, ...]
    """That a frame may ask for: contents', and some that nobody has."""

    def write(self, lab: Lab) -> None:
        lab.prepare()
        if self.host_port is not None:
            lab.control.add_host_port(self.host_port)
        for group in self.groups:
            if group.has_tree:
                lab.control.add_group_in_order(group.number, group.members, group.empty)
            else:
                lab.control.add_group_without_tree(group.number)
        lab.control.insert(*self.entries)
        lab.control.modify(self.secrets.entry())


def random_world(dice: random.Random) -> World:
    addresses = tuple(random_address(dice, dice.choice((4, 6))) for _ in range(CONTENTS + 2))
    entries: list[fy.P4TableEntry] = []
    services: list[tuple[Address, int]] = []
    for address in addresses[:CONTENTS]:
        if dice.random() < 0.8:
            action = fy.P4TableAction(
                "own_address", mac=random_mac(dice), host_set=dice.randrange(HOST_SETS)
            )
            entries.append(_entry("content_address", action, address=mapped(address)))
        for port in {dice.choice((80, 443, dice.randrange(1 << 16))) for _ in range(2)}:
            length = dice.choice((0, 1, 128 * 50, dice.getrandbits(20), dice.getrandbits(32)))
            action = fy.P4TableAction(
                "serve",
                content=dice.getrandbits(32),
                response_length=length,
                host_set=dice.randrange(HOST_SETS),
            )
            entries.append(_entry("service", action, address=mapped(address), port=port))
            services.append((address, port))
    for host_set in range(HOST_SETS):
        for bucket in range(BUCKETS):
            if dice.random() < 0.9:
                action = fy.P4TableAction(
                    "to_host", port=random_port(dice), host_mac=random_mac(dice)
                )
                entries.append(_entry("service_host", action, host_set=host_set, bucket=bucket))
    return World(
        host_port=dice.choice((None, *CLIENT_PORTS)),
        groups=tuple(_group(dice, number) for number in dice.sample(range(1, 4000), GROUPS)),
        secrets=_secrets(dice),
        entries=tuple(entries),
        clients=tuple(_client(dice, *dice.choice(services)) for _ in range(CLIENTS)),
        addresses=addresses,
    )


def random_address(dice: random.Random, version: int) -> Address:
    return IPv4Address(dice.getrandbits(32)) if version == 4 else IPv6Address(dice.getrandbits(128))


def random_mac(dice: random.Random) -> str:
    return dice.randbytes(6).hex(":")


def random_port(dice: random.Random) -> int:
    return dice.choice(PORTS if dice.random() < 0.95 else ABSENT_PORTS)


def random_vlan(dice: random.Random) -> tuple[int | None, int]:
    """And its priority."""
    return (dice.randrange(1, 4095), dice.randrange(8)) if dice.random() < 0.3 else (None, 0)


def _entry(table: str, action: fy.P4TableAction, **match: int) -> fy.P4TableEntry:
    return fy.P4TableEntry(table, match=fy.P4TableMatch(match), action=action)


def _group(dice: random.Random, number: int) -> Group:
    ports = [port for port in (*PORTS, 77) for _ in range(dice.randrange(MEMBERS_PER_PORT + 1))]
    dice.shuffle(ports)
    instances = dice.sample(range(1, 1 << 16), len(ports))
    slots = [_member(dice, *slot) for slot in zip(ports, instances, strict=True)]
    empty = dice.randrange(2) if slots else 0
    return Group(
        number,
        tuple(slots[empty:]),
        tuple(slots[:empty]),
        has_tree=bool(slots) and dice.random() < 0.9,
    )


def _member(dice: random.Random, port: int, instance: int) -> Member:
    version = dice.choice((4, 6))
    vlan, priority = random_vlan(dice)
    member = Member(
        port,
        instance,
        src_addr=random_address(dice, version),
        dst_addr=random_address(dice, version),
        dst_mac=random_mac(dice),
        src_mac=random_mac(dice),
        dst_port=dice.randrange(1 << 16),
        src_port=dice.randrange(1 << 16),
        hop_limit=dice.randrange(256),
        vlan=vlan,
        priority=priority,
    )
    if dice.random() < 0.5:
        return member
    return tcp_member(
        member,
        hop_limit=64,
        sequence_base=dice.choice((0, 0xFFFFFFFF, dice.getrandbits(32))),
        ack_no=dice.getrandbits(32),
        window=dice.choice((65535, dice.getrandbits(16))),
    )


def _secrets(dice: random.Random) -> Secrets:
    epoch = dice.randrange(1, 256)
    return Secrets(
        current=dice.getrandbits(64),
        previous=dice.getrandbits(64),
        number=dice.randrange(256),
        epoch=epoch,
        previous_epoch=dice.choice((epoch, (epoch - 2) % 255 + 1)),
        mss=dice.choice((536, 1220, 1460, 8960, dice.randrange(1 << 16))),
    )


def _client(dice: random.Random, service_address: Address, service_port: int) -> Client:
    vlan, priority = random_vlan(dice)
    version = service_address.version
    address = random_address(dice, version)
    if dice.random() < 0.05:
        martians = [text for text in CLIENT_ADDRESSES if (":" in text) == (version == 6)]
        address = (IPv4Address if version == 4 else IPv6Address)(dice.choice(martians))
    return Client(
        address,
        service_address,
        port=dice.randrange(1 << 16),
        service_port=service_port if dice.random() < 0.9 else dice.randrange(1 << 16),
        mac=random_mac(dice),
        service_mac=f"{dice.getrandbits(6) << 2 | (dice.random() < 0.05):02x}:00:5e:00:00:01",
        switch_port=dice.choice(CLIENT_PORTS),
        vlan=vlan,
        priority=priority,
    )
