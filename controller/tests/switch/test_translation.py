# SPDX-License-Identifier: Apache-2.0
"""Types that clients see otherwise than the data plane: kinds.p4 as p4c describes it with
@p4runtime_translation on its ports (32 bits), tags (strings) and protocols (16 bits)."""

from collections.abc import Iterable
from pathlib import Path

import finsy as fy
import grpc
import pytest
from finsy.proto import p4i, p4r, rpc_code
from google.protobuf import text_format
from injection import programmed
from p4client import Controller, batch_error, delete, entity, insert, load_config, table
from p4client import modify as change
from test_finsy import read_all, run_finsy

from hectograph.switch.native import Switch

SDN_PORT_CPU = b"\xff\xff\xff\xfd"
PORTS = ("ingress_port", "port", "egress_port")


def named(p4info: p4i.P4Info) -> Iterable[tuple[str, p4i.MatchField | p4i.Action.Param]]:
    """Every value that clients write or read, and its name."""
    owners = [
        *(info.match_fields for info in p4info.tables),
        *(info.params for info in p4info.actions),
        *(info.metadata for info in p4info.controller_packet_metadata),
    ]
    return [(each.name, each) for owner in owners for each in owner]  # pyright: ignore[reportReturnType]


def translated() -> p4r.ForwardingPipelineConfig:
    config = load_config("kinds")
    types = config.p4info.type_info.new_types
    types["port_id_t"].translated_type.uri = "p4.org/psa/v1/PortId_t"
    types["port_id_t"].translated_type.sdn_bitwidth = 32
    types["tag_t"].translated_type.sdn_string.SetInParent()
    types["tag_t"].annotations.append('@p4runtime_translation_mappings({ { "" , 0 } , })')
    types["protocol_t"].translated_type.sdn_bitwidth = 16
    for name, value in named(config.p4info):
        if name in PORTS:
            value.type_name.name, value.bitwidth = "port_id_t", 32
        elif name == "tag":
            value.type_name.name, value.bitwidth = "tag_t", 0
        elif name == "protocol":
            value.type_name.name, value.bitwidth = "protocol_t", 16
    return config


def named_ports() -> p4r.ForwardingPipelineConfig:
    """The same with strings for ports."""
    config = translated()
    translation = config.p4info.type_info.new_types["port_id_t"].translated_type
    translation.Clear()
    translation.sdn_string.SetInParent()
    for name, value in named(config.p4info):
        if name in PORTS:
            value.bitwidth = 0
    return config


FORWARD = """table_id: $lpm_table match { field_id: 1 lpm { value: "\\x0a" prefix_len: 32 } }
             action { action { action_id: $forward params { param_id: 1 value: "%s" }
                                                    params { param_id: 2 value: "%s" } } }"""
TERNARY = """table_id: $ternary_table priority: 1
             match { field_id: 2 exact { value: "%s" } }
             action { action { action_id: $NoAction } }"""
OPTIONAL = """table_id: $range_table priority: %d match { field_id: 2 optional { value: "%s" } }
              action { action { action_id: $NoAction } }"""


async def refusal(controller: Controller, update: p4r.Update) -> tuple[int, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await controller.write(update)
    (error,) = batch_error(caught.value).errors
    return error.canonical_code, error.message


async def test_what_was_written_is_read(primary: Controller) -> None:
    """Strings and numbers of 32 bits where the data plane has 12 and 9."""
    await primary.set_config(translated())
    entries = [
        table(FORWARD % ("\\x03", "blue")),
        table(TERNARY % "blue"),
        table(TERNARY % "green"),
        table(TERNARY % ""),
        table(OPTIONAL % (1, "\\x11")),
    ]
    await primary.write(*map(insert, entries))
    everything = p4r.Entity(table_entry=p4r.TableEntry())
    read = [each for each in await primary.read(everything) if not each.table_entry.is_const]
    for entry in entries:
        assert await primary.read(entry) == [entry]
        assert entry in read


async def test_a_string_as_long_as_its_field_is_translated_too(primary: Controller) -> None:
    """dst_addr has six bytes: what fills them is not taken as it is."""
    config = translated()
    config.p4info.type_info.new_types["address_t"].translated_type.sdn_string.SetInParent()
    field = config.p4info.tables[0].match_fields[0]
    field.type_name.name, field.bitwidth = "address_t", 0
    await primary.set_config(config)
    entry = table("""table_id: $exact_table match { field_id: 1 exact { value: "abcdef" } }
                     match { field_id: 2 exact { value: "\\x01\\x03" } }
                     action { action { action_id: $drop } }""")
    await primary.write(insert(entry))
    assert await primary.read(table("table_id: $exact_table")) == [entry]


async def test_strings_are_one_number_in_keys_and_parameters() -> None:
    """What an action writes as "blue" a key matches as "blue", and not as "green"."""
    async with programmed() as world:
        await world.primary.set_config(translated())
        await world.primary.write(
            insert(table(FORWARD % ("\\x03", "blue"))),
            insert(table(TERNARY % "green")),
            insert(table(TERNARY % "blue")),
        )
        ethernet = bytes(12) + b"\x08\x00"
        ipv4 = bytes.fromhex("4500001400000000401100000000000a0000000a")
        assert [each.port for each in world.send(ethernet + ipv4)] == [3]
        for tag, packets in (("green", 0), ("blue", 1)):
            wanted = table(TERNARY % tag)
            wanted.table_entry.counter_data.SetInParent()
            (read,) = await world.primary.read(wanted)
            assert read.table_entry.counter_data.packet_count == packets


REFUSED = {
    "a port of 33 bits": (FORWARD % ("\\x01\\x00\\x00\\x00\\x00", "a"), "wider than 32 bits"),
    "a port that the switch cannot have": (FORWARD % ("\\x02\\x00", "a"), "data plane's 9 bits"),
    "a protocol of 9 bits": (OPTIONAL % (1, "\\x01\\x00"), "data plane's 8 bits"),
}


@pytest.mark.parametrize(("text", "what"), REFUSED.values(), ids=REFUSED.keys())
async def test_values_that_the_data_plane_does_not_have(
    primary: Controller, text: str, what: str
) -> None:
    await primary.set_config(translated())
    code, message = await refusal(primary, insert(table(text)))
    assert code == rpc_code.INVALID_ARGUMENT
    assert what in message


async def test_the_cpu_port_has_the_specifications_number(primary: Controller) -> None:
    """Sent to it, a packet comes back from it; kinds.p4 echoes."""
    await primary.set_config(translated())
    packet = p4r.PacketOut(payload=bytes(60))
    packet.metadata.add(metadata_id=7, value=SDN_PORT_CPU)
    packet.metadata.add(metadata_id=8, value=b"\x09")
    await primary.send(packet=packet)
    answer = (await primary.receive()).packet
    assert answer.metadata[0] == p4r.PacketMetadata(metadata_id=1, value=SDN_PORT_CPU)
    group = """packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1
               replicas { port: "\\377\\377\\377\\375" instance: 1 } } }"""
    await primary.write(insert(entity(group)))
    assert await primary.read(entity(group)) == [entity(group)]


async def test_a_translated_header_that_the_program_does_not_have(
    primary: Controller, caplog: pytest.LogCaptureFixture
) -> None:
    """p4c removes one that nothing uses; SONiC's programs have such on some platforms."""
    config = translated()
    config.p4info.controller_packet_metadata[0].metadata[1].name = "flavour"
    await primary.set_config(config)
    assert "header packet_in is only in P4Info" in caplog.text


async def test_ports_by_name(primary: Controller, native_switch: Switch) -> None:
    """Decimal numbers where no interface is called so; nowhere is a port numbered anew."""
    await primary.set_config(named_ports())
    assert native_switch.find_port("nowhere") is None
    packet = p4r.PacketOut(payload=bytes(60))
    packet.metadata.add(metadata_id=7, value=b"510")
    packet.metadata.add(metadata_id=8, value=b"\x09")
    await primary.send(packet=packet)
    answer = (await primary.receive()).packet
    assert answer.metadata[0] == p4r.PacketMetadata(metadata_id=1, value=b"510")
    for bad, what in (("eth0", "neither an interface's name nor a number"), ("512", "above 511")):
        code, message = await refusal(primary, insert(table(FORWARD % (bad, "a"))))
        assert code == rpc_code.INVALID_ARGUMENT
        assert what in message
    group = """packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1
               replicas { port: "7" instance: 1 } } }"""
    await primary.write(insert(entity(group)))
    assert await primary.read(entity(group)) == [entity(group)]


async def test_numbers_of_strings_are_given_back(primary: Controller) -> None:
    """4,095 fit 12 bits beside the mapping's 0: what nobody holds any more makes room."""
    await primary.set_config(translated())
    held = [host(number) for number in range(1000)]
    await primary.write(*map(insert, held))
    for first in range(0, 9000, 3000):
        await primary.write(*(change(default(f"tag {first + n}")) for n in range(3000)))
    read = await primary.read(table("table_id: $lpm_table"))
    assert sorted(map(str, read)) == sorted(map(str, held))
    more = [host(number) for number in range(1000, 1024)]
    await primary.write(*map(insert, more))
    assert await primary.read(more[0]) == [more[0]]


async def test_more_strings_than_numbers(primary: Controller) -> None:
    config = translated()
    config.p4info.type_info.new_types["protocol_t"].translated_type.sdn_string.SetInParent()
    for name, value in named(config.p4info):
        if name == "protocol":
            value.bitwidth = 0
    await primary.set_config(config)
    entries = [table(OPTIONAL % (1, f"p{number}")) for number in range(255)]
    await primary.write(*map(insert, entries[:64]))
    # The table is full, but its strings are not lost: 255 fit eight bits.
    assert await primary.write_codes(*map(insert, entries[64:])) == [
        rpc_code.RESOURCE_EXHAUSTED
    ] * len(entries[64:])
    assert len(await primary.read(table("table_id: $range_table"))) == 64
    await primary.write(delete(entries[0]), insert(entries[-1]))


def host(number: int) -> p4r.Entity:
    """An entry for an address of its own, with a string of its own."""
    entry = table(FORWARD % ("\\x03", f"held {number}"))
    entry.table_entry.match[0].lpm.value = (0x0A00_0000 + number).to_bytes(4)
    return entry


def default(tag: str) -> p4r.Entity:
    return table(
        f"""table_id: $keyless_table is_default_action: true action {{ action {{
            action_id: $mark params {{ param_id: 1 value: "{tag}" }} }} }}"""
    )


async def test_finsy(address: str, tmp_path: Path) -> None:
    """finsy takes strings for a width of 0, and numbers of 32 bits for ports."""
    config = translated()
    p4info, p4blob = tmp_path / "kinds.p4info.txtpb", tmp_path / "kinds.json"
    p4info.write_text(text_format.MessageToString(config.p4info))
    p4blob.write_bytes(config.p4_device_config)

    async def session(sw: fy.Switch) -> None:
        entry = fy.P4TableEntry(
            "lpm_table",
            match=fy.Match(dst_addr=(0x0A000000, 8)),
            action=fy.Action("forward", port=3, tag="blue"),
        )
        await sw.insert([entry])
        assert await read_all(sw, fy.P4TableEntry("lpm_table")) == [entry]
        packets = sw.read_packets()
        await sw.write([fy.P4PacketOut(bytes(60), egress_port=0xFFFF_FFFD, note=9)])
        assert (await anext(packets))["ingress_port"] == 0xFFFF_FFFD
        sw.stash["finished"].set()

    await run_finsy(address, p4info, p4blob, session)
