# SPDX-License-Identifier: Apache-2.0
"""Action profiles and selectors over P4Runtime: members, groups, weights, watched ports."""

import asyncio
import fcntl
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from finsy.proto import p4r
from finsy.proto import rpc_code as Code  # noqa: N812
from google.protobuf import text_format
from p4client import DEVICE_ID, Controller, delete, insert, load_config, modify
from stillswitch import StillSwitch
from switchlab import link_ports

from hectograph.switch.server import P4RuntimeServer
from hectograph.testbed import Namespace, Testbed

INFO = load_config("selectors").p4info
_OBJECTS = (*INFO.tables, *INFO.actions, *INFO.action_profiles)
IDS = {f"${each.preamble.alias}": str(each.preamble.id) for each in _OBJECTS}
SECONDS = 10.0
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def entity(text: str) -> p4r.Entity:
    for name in sorted(IDS, key=len, reverse=True):
        text = text.replace(name, IDS[name])
    return text_format.Parse(text, p4r.Entity())


def action(value: int) -> str:
    return f'action_id: $mark params {{ param_id: 1 value: "\\x{value:02x}" }}'


def member(number: int, value: int = 1, profile: str = "by_identity") -> p4r.Entity:
    return entity(
        f"""action_profile_member {{ action_profile_id: ${profile} member_id: {number}
              action {{ {action(value)} }} }}"""
    )


def group(
    number: int, *members: str, max_size: int = 0, profile: str = "by_identity"
) -> p4r.Entity:
    size = f"max_size: {max_size}" if max_size else ""
    inside = " ".join(f"members {{ {each} }}" for each in members)
    return entity(
        f"""action_profile_group {{ action_profile_id: ${profile} group_id: {number}
              {size} {inside} }}"""
    )


def entry(what: str, *, kind: int = 1, name: str = "identity") -> p4r.Entity:
    return entity(
        f"""table_entry {{ table_id: ${name}
              match {{ field_id: 1 exact {{ value: "\\x{kind:02x}" }} }} action {{ {what} }} }}"""
    )


def one_shot(*actions: str) -> str:
    inside = " ".join(f"action_profile_actions {{ {each} }}" for each in actions)
    return f"action_profile_action_set {{ {inside} }}"


@dataclass(frozen=True)
class Lab:
    switch: StillSwitch
    client: Controller
    inside: Namespace

    def set_link(self, number: int, *, up: bool) -> None:
        self.inside.call(lambda: _set_link(f"port{number}", up=up))

    async def codes(self, *updates: p4r.Update) -> list[int]:
        return await self.client.write_codes(*updates)

    async def code(self, update: p4r.Update) -> int:
        return (await self.codes(update))[0]

    async def read(self, *wanted: str) -> list[p4r.Entity]:
        return await self.client.read(*map(entity, wanted))

    def marks(self, count: int, *, kind: int = 1) -> list[int]:
        """What `identity` makes of flows 0 to count - 1: the member that each finds."""
        marks: list[int] = []
        for flow in range(count):
            frame = bytes([kind, 4]) + (flow << 4).to_bytes(3, "big")[1:] + bytes(6)
            ((_, out),) = self.switch.inject(1, frame)
            marks.append(int.from_bytes(out[6:10], "big"))
        return marks


@pytest.fixture
async def lab(testbed: Testbed) -> AsyncIterator[Lab]:
    """Ports 1 and 2, and nobody at their other ends."""
    inside = testbed.namespace("inside")
    link_ports(testbed, inside, inside)
    with inside.entered():
        switch = StillSwitch(cpu_port=510)
        for number in (1, 2):
            switch.add_port(number, f"port{number}")
    server = P4RuntimeServer(switch, DEVICE_ID)
    port = await server.start("127.0.0.1:0")
    try:
        async with Controller(f"127.0.0.1:{port}") as client:
            await client.become_primary()
            await client.set_config(load_config("selectors"))
            yield Lab(switch, client, inside)
    finally:
        await server.stop()
        switch.close()


MISSED = 0xDEADBEEF
"""What `identity` does on a miss: its program's default action, which p4c leaves to P4Info."""


async def test_an_entry_leads_to_a_member_or_to_one_of_a_group(lab: Lab) -> None:
    assert lab.marks(2) == [MISSED] * 2
    members = [insert(member(number, 0x10 + number)) for number in (1, 2, 3)]
    assert await lab.codes(*members, insert(entry("action_profile_member_id: 2"))) == [0] * 4
    assert lab.marks(3) == [0x12] * 3
    updates = [
        insert(group(7, "member_id: 3 weight: 1", "member_id: 1 weight: 2")),
        modify(entry("action_profile_group_id: 7")),
    ]
    assert await lab.codes(*updates) == [0] * 2
    # Member 1 and 3 have the handles 0 and 2, and member 1's second weight has 3.
    assert lab.marks(6) == [0x11, 0x13, 0x11] * 2
    assert await lab.codes(modify(member(1, 0x44))) == [0]
    assert lab.marks(3) == [0x44, 0x13, 0x44]
    assert await lab.codes(modify(group(7, "member_id: 2 weight: 1"))) == [0]
    assert lab.marks(3) == [0x12] * 3
    assert await lab.codes(modify(group(7))) == [0]
    assert lab.marks(2) == [0] * 2  # an empty group: no action
    assert await lab.codes(delete(entry(""))) == [0]
    assert lab.marks(2) == [MISSED] * 2


async def test_reads(lab: Lab) -> None:
    written = [
        member(1, 0x11),
        member(2, 0x12),
        group(5, "member_id: 2 weight: 3 watch_port: '\\x02'", max_size=6),
        group(6, "member_id: 1 weight: 1", max_size=6),
        entry("action_profile_group_id: 5"),
        entry("action_profile_member_id: 1", kind=2),
    ]
    others = [member(1, 0x21, profile="by_crc32"), member(9, 0x22, profile="shared_profile")]
    updates = [insert(each) for each in (*written, *others)]
    assert await lab.codes(*updates) == [0] * len(updates)
    members = "action_profile_member { action_profile_id: $by_identity member_id: %d }"
    assert await lab.read(members % 0) == written[:2]
    assert await lab.read(members % 2) == written[1:2]
    assert await lab.read(members % 3) == []
    assert await lab.read("action_profile_member {}") == [others[1], *written[:2], others[0]]
    groups = "action_profile_group { action_profile_id: $by_identity group_id: %d }"
    assert await lab.read(groups % 0, groups % 6) == [*written[2:4], written[3]]
    assert await lab.read("action_profile_group {}") == written[2:4]
    assert await lab.read("table_entry { table_id: $identity }") == written[4:6]
    by_action = "table_entry { table_id: $identity action { %s } }"
    assert await lab.read(by_action % "action_profile_group_id: 5") == written[4:5]
    assert await lab.read(by_action % "action_profile_group_id: 6") == []
    (default,) = await lab.read("table_entry { table_id: $identity is_default_action: true }")
    assert default.table_entry.action.action.action_id == int(IDS["$missed"])


async def test_one_shots(lab: Lab) -> None:
    first, second = (
        entry(
            one_shot(*(f"action {{ {action(value)} }} weight: {weight}" for value, weight in each))
        )
        for each in ([(0x31, 1), (0x32, 2)], [(0x33, 1)])
    )
    assert await lab.code(insert(first)) == 0
    assert lab.marks(3) == [0x31, 0x32, 0x32]
    assert await lab.read("table_entry { table_id: $identity }") == [first]
    assert await lab.read("action_profile_member {}", "action_profile_group {}") == []
    assert await lab.code(modify(second)) == 0
    assert lab.marks(2) == [0x33] * 2
    # One way or the other, for all tables of a profile.
    assert await lab.code(insert(member(1))) == Code.INVALID_ARGUMENT
    assert await lab.code(insert(group(1))) == Code.INVALID_ARGUMENT
    manual = entry("action_profile_member_id: 1", kind=2)
    assert await lab.code(insert(manual)) == Code.INVALID_ARGUMENT
    assert await lab.codes(delete(second), insert(member(1)), insert(manual)) == [0] * 3
    assert await lab.code(insert(first)) == Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("update", "code"),
    [
        (insert(member(0)), Code.INVALID_ARGUMENT),
        (insert(member(1)), Code.ALREADY_EXISTS),
        (modify(member(8)), Code.NOT_FOUND),
        (delete(member(8)), Code.NOT_FOUND),
        (delete(member(1)), Code.FAILED_PRECONDITION),  # a group has it
        (delete(member(2)), Code.FAILED_PRECONDITION),  # an entry has it
        (
            insert(
                entity("action_profile_member { action_profile_id: $by_identity member_id: 8 }")
            ),
            Code.INVALID_ARGUMENT,
        ),
        (insert(member(9, profile="identity")), Code.INVALID_ARGUMENT),  # a table's id
        (insert(group(0)), Code.INVALID_ARGUMENT),
        (insert(group(1)), Code.ALREADY_EXISTS),
        (modify(group(8)), Code.NOT_FOUND),
        (delete(group(8)), Code.NOT_FOUND),
        (delete(group(1)), Code.FAILED_PRECONDITION),
        (insert(group(1, profile="shared_profile")), Code.INVALID_ARGUMENT),  # no selector
        (insert(group(8, "member_id: 8 weight: 1")), Code.NOT_FOUND),
        (insert(group(8, "member_id: 1")), Code.INVALID_ARGUMENT),
        (insert(group(8, "member_id: 1 weight: -1")), Code.INVALID_ARGUMENT),
        (insert(group(8, *["member_id: 1 weight: 1"] * 2)), Code.INVALID_ARGUMENT),
        (
            insert(group(8, "member_id: 1 weight: 1 watch_port: '\\x03'")),
            Code.INVALID_ARGUMENT,
        ),
        (modify(group(1, "member_id: 1 weight: 1", max_size=4)), Code.INVALID_ARGUMENT),
        (insert(group(8, "member_id: 1 weight: 5", max_size=4)), Code.RESOURCE_EXHAUSTED),
        (insert(group(8, "member_id: 1 weight: 128")), Code.RESOURCE_EXHAUSTED),  # 1 in group 1
        (insert(group(8, max_size=17, profile="by_crc16")), Code.INVALID_ARGUMENT),
        (insert(entry("", kind=9)), Code.INVALID_ARGUMENT),
        (insert(entry(f"action {{ {action(1)} }}", kind=9)), Code.INVALID_ARGUMENT),
        (insert(entry("action_profile_member_id: 8", kind=9)), Code.NOT_FOUND),
        (insert(entry("action_profile_group_id: 8", kind=9)), Code.NOT_FOUND),
        (insert(entry("action_profile_group_id: 1", kind=1)), Code.ALREADY_EXISTS),
        (
            modify(
                entity(
                    """table_entry { table_id: $identity is_default_action: true
                         action { action { action_id: $missed } } }"""
                )
            ),
            Code.PERMISSION_DENIED,
        ),
    ],
)
async def test_refusals(lab: Lab, update: p4r.Update, code: int) -> None:
    """None changes anything."""
    there = [
        member(1, 0x11),
        member(2, 0x12),
        group(1, "member_id: 1 weight: 1"),
        entry("action_profile_group_id: 1"),
        entry("action_profile_member_id: 2", kind=2),
    ]
    assert await lab.codes(*map(insert, there)) == [0] * len(there)
    assert await lab.code(update) == code
    everything = ["action_profile_member {}", "action_profile_group {}", "table_entry {}"]
    assert await lab.read(*everything) == there
    updates = map(delete, reversed(there))
    assert await lab.codes(*updates) == [0] * len(there)  # every use was given back


async def test_a_profile_without_selector_is_full(lab: Lab) -> None:
    codes = await lab.codes(
        *(insert(member(number, profile="shared_profile")) for number in range(1, 66))
    )
    assert codes == [0] * 64 + [Code.RESOURCE_EXHAUSTED]


async def test_two_tables_share_members(lab: Lab) -> None:
    shared = [insert(member(1, 0x41, profile="shared_profile"))]
    for name, match in (("first", "exact"), ("second", "ternary")):
        mask, priority = (' mask: "\\xff\\xff"', "priority: 1") if name == "second" else ("", "")
        shared.append(
            insert(
                entity(
                    f"""table_entry {{ table_id: ${name} {priority}
                          match {{ field_id: 1 {match} {{ value: "\\x07" {mask} }} }}
                          action {{ action_profile_member_id: 1 }} }}"""
                )
            )
        )
    assert await lab.codes(*shared) == [0] * 3
    for value in (0x41, 0x42):
        for number in (1, 2):
            frame = bytes([0, number, 0, 7, 0, 0]) + bytes(4)
            ((_, out),) = lab.switch.inject(1, frame)
            assert out[6:10] == value.to_bytes(4, "big")
            assert (out[4:6] == b"\x01\x11") == (number == 2)  # what follows the action
        assert await lab.code(modify(member(1, 0x42, profile="shared_profile"))) == 0


async def test_a_batch_that_fails_leaves_everything_as_it_was(lab: Lab) -> None:
    there = [
        member(1, 0x11),
        member(2, 0x12),
        group(1, "member_id: 1 weight: 2", "member_id: 2 weight: 1"),
        entry("action_profile_group_id: 1"),
    ]
    assert await lab.codes(*map(insert, there)) == [0] * len(there)
    updates = [
        insert(member(3, 0x13)),
        modify(group(1, "member_id: 3 weight: 1")),
        delete(member(2)),
        modify(entry("action_profile_member_id: 1")),
        delete(group(1)),
        insert(member(3)),
    ]
    codes = await lab.client.write_codes(*updates, atomicity=p4r.WriteRequest.ROLLBACK_ON_ERROR)
    assert codes == [Code.ABORTED] * 5 + [Code.ALREADY_EXISTS]
    everything = ["action_profile_member {}", "action_profile_group {}", "table_entry {}"]
    assert sorted(map(str, await lab.read(*everything))) == sorted(map(str, there))
    assert sorted(lab.marks(3)) == [0x11, 0x11, 0x12]


async def test_reconciling_keeps_members_groups_and_entries(lab: Lab) -> None:
    there = [
        member(1, 0x11),
        group(1, "member_id: 1 weight: 2"),
        entry("action_profile_group_id: 1"),
        entry(one_shot(f"action {{ {action(0x51)} }} weight: 1"), kind=5, name="crc32"),
    ]
    assert await lab.codes(*map(insert, there)) == [0] * len(there)
    await lab.client.set_config(
        load_config("selectors"), p4r.SetForwardingPipelineConfigRequest.RECONCILE_AND_COMMIT
    )
    everything = ["action_profile_member {}", "action_profile_group {}", "table_entry {}"]
    assert await lab.read(*everything) == there
    assert lab.marks(2) == [0x11] * 2


async def settles(lab: Lab, *expected: int) -> None:
    """In any order. Somebody else watches the links."""
    async with asyncio.timeout(SECONDS):
        while sorted(lab.marks(len(expected))) != list(expected):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("one", [False, True], ids=["group", "one shot"])
async def test_a_member_whose_port_is_down_is_not_chosen(lab: Lab, one: bool) -> None:
    watching = [
        "weight: 1 watch_port: '\\x01'",
        "weight: 2 watch_port: '\\x02'",
        "weight: 2",
    ]
    if one:
        actions = [
            f"action {{ {action(0x61 + number)} }} {watch}" for number, watch in enumerate(watching)
        ]
        updates = [insert(entry(one_shot(*actions)))]
    else:
        numbered = list(enumerate(watching, 1))
        updates = [insert(member(number, 0x60 + number)) for number, _ in numbered]
        members = [f"member_id: {number} {watch}" for number, watch in numbered]
        updates += [insert(group(1, *members)), insert(entry("action_profile_group_id: 1"))]
    assert await lab.codes(*updates) == [0] * len(updates)
    await settles(lab, 0x61, 0x62, 0x62, 0x63, 0x63)
    lab.set_link(2, up=False)
    await settles(lab, 0x61, 0x63, 0x63)
    lab.set_link(1, up=False)
    await settles(lab, 0x63, 0x63, 0x63)
    lab.set_link(2, up=True)
    await settles(lab, 0x62)
    updates = [delete(entry(""))] if one else [delete(entry("")), delete(group(1))]
    assert await lab.codes(*updates) == [0] * len(updates)


def _set_link(interface: str, *, up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = interface.encode()
        request = struct.pack("16sh22x", name, 0)
        (flags,) = struct.unpack("16xh22x", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", name, flags))
