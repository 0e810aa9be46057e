# SPDX-License-Identifier: Apache-2.0
"""SetForwardingPipelineConfig, GetForwardingPipelineConfig, Capabilities."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import grpc
import learn_program
import pytest
from finsy.proto import p4i, p4r, rpc_code
from injection import programmed
from p4client import IDS, Controller, batch_error, delete, entity, insert, load_config, table

Set = p4r.SetForwardingPipelineConfigRequest
Get = p4r.GetForwardingPipelineConfigRequest

ENTRY = """table_id: $lpm_table match { field_id: 1 lpm { value: "\\x0a" prefix_len: 32 } }
           action { action { action_id: $forward params { param_id: 1 value: "\\x01" }
                                                  params { param_id: 2 value: "\\x02" } } }"""


async def refused(call: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # pyright: ignore[reportGeneralTypeIssues]
    return caught.value.code(), str(caught.value.details())


async def test_get_without_a_config_leaves_it_unset(controller: Controller) -> None:
    assert not (await controller.get_config()).HasField("config")


async def test_get_returns_what_was_set(primary: Controller) -> None:
    config = load_config("kinds", cookie=42)
    await primary.set_config(config)
    assert (await primary.get_config()).config == config
    cookie = p4r.ForwardingPipelineConfig(cookie=config.cookie)
    assert (await primary.get_config(Get.COOKIE_ONLY)).config == cookie
    with_p4info = p4r.ForwardingPipelineConfig(cookie=config.cookie, p4info=config.p4info)
    assert (await primary.get_config(Get.P4INFO_AND_COOKIE)).config == with_p4info
    with_json = p4r.ForwardingPipelineConfig(
        cookie=config.cookie, p4_device_config=config.p4_device_config
    )
    assert (await primary.get_config(Get.DEVICE_CONFIG_AND_COOKIE)).config == with_json


async def test_cookie_stays_unset(primary: Controller) -> None:
    await primary.set_config(load_config("kinds"))
    assert not (await primary.get_config(Get.COOKIE_ONLY)).config.HasField("cookie")


async def test_verify_changes_nothing(kinds: Controller) -> None:
    await kinds.write(insert(table(ENTRY)))
    await kinds.set_config(load_config("hectograph"), Set.VERIFY)
    assert len(await kinds.read(table("table_id: $lpm_table"))) == 1


async def test_commit_clears_the_forwarding_state(kinds: Controller) -> None:
    group = entity(
        "packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 } }"
    )
    await kinds.write(insert(table(ENTRY)), insert(group))
    await kinds.set_config(load_config("kinds"))
    assert await kinds.read(table("table_id: $lpm_table")) == []
    wanted = entity("packet_replication_engine_entry { multicast_group_entry {} }")
    assert await kinds.read(wanted) == []


async def test_writes_to_a_saved_config_wait_for_its_commit(kinds: Controller) -> None:
    await kinds.write(insert(table(ENTRY)))
    await kinds.set_config(load_config("kinds", cookie=2), Set.VERIFY_AND_SAVE)
    assert (await kinds.get_config(Get.COOKIE_ONLY)).config.cookie.cookie == 2
    assert await kinds.read(table("table_id: $lpm_table")) == []
    group = entity(
        """packet_replication_engine_entry {
             multicast_group_entry { multicast_group_id: 1 replicas { port: "\\x01" } } }"""
    )
    await kinds.write(insert(table(ENTRY)), insert(group))
    await kinds.set_config(None, Set.COMMIT)
    assert len(await kinds.read(table("table_id: $lpm_table"))) == 1
    wanted = entity("packet_replication_engine_entry { multicast_group_entry {} }")
    assert await kinds.read(wanted) == [group]
    await kinds.write(delete(group))


async def test_saving_twice_keeps_the_last(kinds: Controller) -> None:
    await kinds.set_config(load_config("kinds", cookie=2), Set.VERIFY_AND_SAVE)
    await kinds.set_config(load_config("kinds", cookie=3), Set.VERIFY_AND_SAVE)
    await kinds.set_config(None, Set.COMMIT)
    assert (await kinds.get_config(Get.COOKIE_ONLY)).config.cookie.cookie == 3


async def test_commit_needs_a_saved_config(kinds: Controller) -> None:
    code, _ = await refused(kinds.set_config(None, Set.COMMIT))
    assert code == grpc.StatusCode.NOT_FOUND


async def test_commit_takes_no_config(kinds: Controller) -> None:
    code, _ = await refused(kinds.set_config(load_config("kinds"), Set.COMMIT))
    assert code == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "action", [Set.VERIFY, Set.VERIFY_AND_SAVE, Set.VERIFY_AND_COMMIT, Set.RECONCILE_AND_COMMIT]
)
async def test_config_is_needed(primary: Controller, action: Set.Action.ValueType) -> None:
    code, _ = await refused(primary.set_config(None, action))
    assert code == grpc.StatusCode.INVALID_ARGUMENT


async def test_action_is_needed(primary: Controller) -> None:
    code, _ = await refused(primary.set_config(load_config("kinds"), Set.UNSPECIFIED))
    assert code == grpc.StatusCode.INVALID_ARGUMENT


async def test_only_the_primary_may_set(controller: Controller) -> None:
    code, _ = await refused(controller.set_config(load_config("kinds")))
    assert code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_wrong_device_is_not_found(controller: Controller) -> None:
    for call in (
        controller.stub.SetForwardingPipelineConfig(Set(device_id=9)),
        controller.stub.GetForwardingPipelineConfig(Get(device_id=9)),
        controller.stub.Capabilities(p4r.CapabilitiesRequest(device_id=9)),
    ):
        code, _ = await refused(call)
        assert code == grpc.StatusCode.NOT_FOUND


def _other_width(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.tables[1].match_fields[0].bitwidth = 31


def _other_kind(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.tables[1].match_fields[0].match_type = p4i.MatchField.EXACT


def _other_action(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.actions[1].params[0].bitwidth = 10


def _missing_action(config: p4r.ForwardingPipelineConfig) -> None:
    del config.p4info.actions[0]


def _other_counter(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.counters[0].size = 5


def _other_direct_counter(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.direct_counters[0].direct_table_id = IDS["lpm_table"]


def _zero_id(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.meters[0].preamble.id = 0


def _same_id(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.tables[0].preamble.id = config.p4info.tables[1].preamble.id


def _no_width(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.controller_packet_metadata[0].metadata[0].bitwidth = 0


def _parameter_twice(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.actions[1].params[1].id = config.p4info.actions[1].params[0].id


def _deep_json(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4_device_config = b"[" * 1_000_000


def _no_json(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4_device_config = b"\x7fELF"


def _empty(config: p4r.ForwardingPipelineConfig) -> None:
    config.Clear()


def _other_json(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4_device_config = b"[]"


def _unknown_primitive(config: p4r.ForwardingPipelineConfig) -> None:
    program = json.loads(config.p4_device_config)
    program["actions"][-1]["primitives"].append({"op": "teleport", "parameters": []})
    config.p4_device_config = json.dumps(program).encode()


BAD_CONFIGS = {
    "lpm_table: key field dst_addr has 31 and 32 bits": _other_width,
    "lpm_table has another key: dst_addr": _other_kind,
    "forward: parameter port has 10 and 9 bits": _other_action,
    "P4Info has no action": _missing_action,
    "counter KindsIngress.seen has another size": _other_counter,
    "exact_counter belongs to another table": _other_direct_counter,
    "the id of KindsIngress.gauge is 0": _zero_id,
    "have the same id": _same_id,
    "packet_in: ingress_port is 0 bits wide": _no_width,
    "KindsIngress.forward has an id twice": _parameter_twice,
    "not a BMv2 JSON   ": _deep_json,
    "not a BMv2 JSON": _no_json,
    "not a BMv2 JSON ": _empty,
    "not a BMv2 JSON  ": _other_json,
    "teleport": _unknown_primitive,
}


@pytest.mark.parametrize(("what", "spoil"), BAD_CONFIGS.items(), ids=BAD_CONFIGS.keys())
async def test_bad_config_is_refused_by_name(kinds: Controller, what: str, spoil: object) -> None:
    config = load_config("kinds")
    assert callable(spoil)
    spoil(config)
    code, message = await refused(kinds.set_config(config))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert what.strip() in message
    # What ran goes on.
    await kinds.write(insert(table(ENTRY)))


def edited(change: Callable[[dict[str, Any]], None]) -> p4r.ForwardingPipelineConfig:
    """kinds.p4 with another JSON."""
    config = load_config("kinds")
    program = json.loads(config.p4_device_config)
    change(program)
    config.p4_device_config = json.dumps(program).encode()
    return config


async def test_hidden_tables_have_keys_without_names(primary: Controller) -> None:
    """As p4c makes them of a switch statement over an expression."""

    def add(program: dict[str, Any]) -> None:
        tables = program["pipelines"][0]["tables"]
        hidden = deepcopy(next(each for each in tables if each["name"].endswith("const_table")))
        hidden["name"], hidden["id"] = "switch_0_table", 900
        del hidden["key"][0]["name"], hidden["entries"]
        tables.append(hidden)

    await primary.set_config(edited(add))
    await primary.write(insert(table(ENTRY)))


async def test_what_p4c_removed_from_the_program_is_only_in_p4info(
    primary: Controller, caplog: pytest.LogCaptureFixture
) -> None:
    """A table that nothing applies, an action that nothing runs: BMv2 takes them."""
    config = load_config("kinds")
    info = config.p4info
    gone = info.tables.add()
    gone.CopyFrom(info.tables[1])
    gone.preamble.id, gone.preamble.name = 0x0200_0099, "KindsIngress.gone"
    action = info.actions.add()
    action.preamble.id, action.preamble.name = 0x0100_0099, "KindsIngress.unused"
    info.tables[1].action_refs.add(id=action.preamble.id)
    counter = info.counters.add(size=7)
    counter.preamble.id, counter.preamble.name = 0x1200_0099, "KindsIngress.unseen"
    await primary.set_config(config)
    assert (await primary.get_config()).config == config
    await primary.write(insert(table(ENTRY)))
    everything = await primary.read(p4r.Entity(table_entry=p4r.TableEntry()))
    assert gone.preamble.id not in {each.table_entry.table_id for each in everything}
    for what in ("table KindsIngress.gone", "action KindsIngress.unused", "KindsIngress.unseen"):
        assert f"{what} is only in P4Info" in caplog.text
    code, message = await refused_update(primary, insert(p4r.Entity(
        table_entry=p4r.TableEntry(table_id=gone.preamble.id))))  # fmt: skip
    assert code == rpc_code.INVALID_ARGUMENT
    assert "table KindsIngress.gone is only in P4Info" in message


async def test_errors_in_keys_are_their_names(primary: Controller) -> None:
    """p4c gives a key of the type error neither a width nor a type in P4Info."""

    def make_error(program: dict[str, Any]) -> None:
        key = program["pipelines"][0]["tables"]
        found = next(each for each in key if each["name"].endswith("lpm_table"))["key"][0]
        found["match_type"], found["target"] = "exact", ["standard_metadata", "parser_error"]

    config = edited(make_error)
    field = config.p4info.tables[1].match_fields[0]
    field.match_type, field.bitwidth = p4i.MatchField.EXACT, 0
    await primary.set_config(config)
    entry = table(ERROR_ENTRY % "PacketTooShort")
    await primary.write(insert(entry))
    assert await primary.read(table("table_id: $lpm_table")) == [entry]
    code, message = await refused_update(primary, insert(table(ERROR_ENTRY % "NoSuchError")))
    assert code == rpc_code.INVALID_ARGUMENT
    assert "'NoSuchError', which its type does not have" in message


async def test_fields_and_parameters_without_bits() -> None:
    """bit<0> is 0: in a key it matches, in a parameter it changes nothing."""

    def add(program: dict[str, Any]) -> None:
        standard = next(
            each for each in program["header_types"] if each["name"] == "standard_metadata"
        )
        standard["fields"].append(["none", 0, False])
        found = program["pipelines"][0]["tables"]
        key = next(each for each in found if each["name"].endswith("lpm_table"))["key"]
        key.insert(
            0, {"match_type": "exact", "name": "none", "target": ["standard_metadata", "none"]}
        )
        forward = next(each for each in program["actions"] if each["name"].endswith("forward"))
        forward["runtime_data"].insert(1, {"name": "none", "bitwidth": 0})
        for primitive in forward["primitives"]:  # the parameter behind it has another number
            for argument in primitive["parameters"]:
                if argument == {"type": "runtime_data", "value": 1}:
                    argument["value"] = 2
        forward["primitives"].append(
            {
                "op": "assign",
                "parameters": [
                    {"type": "field", "value": ["standard_metadata", "none"]},
                    {"type": "runtime_data", "value": 1},
                ],
            }
        )

    config = edited(add)
    lpm = config.p4info.tables[1]
    field = p4i.MatchField(id=2, name="none", match_type=p4i.MatchField.EXACT)
    fields = [field, *lpm.match_fields]
    del lpm.match_fields[:]
    lpm.match_fields.extend(fields)
    forward = next(each for each in config.p4info.actions if each.preamble.alias == "forward")
    params = [forward.params[0], p4i.Action.Param(id=3, name="none"), forward.params[1]]
    del forward.params[:]
    forward.params.extend(params)
    entry = table("""table_id: $lpm_table match { field_id: 2 exact { value: "\\x00" } }
                     match { field_id: 1 lpm { value: "\\x0a\\x00\\x00\\x00" prefix_len: 8 } }
                     action { action { action_id: $forward params { param_id: 1 value: "\\x03" }
                              params { param_id: 3 value: "\\x00" }
                              params { param_id: 2 value: "\\x02" } } }""")
    ipv4 = bytes.fromhex("4500001400000000401100000000000a0a000001")
    async with programmed() as world:
        await world.primary.set_config(config)
        await world.primary.write(insert(entry))
        assert await world.primary.read(table("table_id: $lpm_table")) == [entry]
        assert [each.port for each in world.send(bytes(12) + b"\x08\x00" + ipv4)] == [3]
        entry.table_entry.match[0].exact.value = b"\x01"
        code, message = await refused_update(world.primary, insert(entry))
        assert code == rpc_code.INVALID_ARGUMENT
        assert "a value wider than 0 bits" in message


async def test_a_message_without_values(primary: Controller) -> None:
    """p4c writes {} for no values of log_msg()."""
    log: dict[str, Any] = {
        "op": "log_msg",
        "parameters": [
            {"type": "string", "value": "hello"},
            {"type": "parameters_vector", "value": {}},
        ],
    }
    await primary.set_config(
        edited(lambda program: program["actions"][-1]["primitives"].append(log))
    )


ERROR_ENTRY = """table_id: $lpm_table match { field_id: 1 exact { value: "%s" } }
                 action { action { action_id: $forward params { param_id: 1 value: "\\x01" }
                                                       params { param_id: 2 value: "\\x02" } } }"""


@pytest.mark.parametrize("text", ["two\nlines", "a\ttab", "\x01\x1f", "\ud800"])
async def test_control_characters_in_strings(primary: Controller, text: str) -> None:
    """p4c writes those of log_msg() as they are; jsoncpp, and so BMv2, takes them."""
    log: dict[str, Any] = {
        "op": "log_msg",
        "parameters": [
            {"type": "string", "value": "MESSAGE"},
            {"type": "parameters_vector", "value": []},
        ],
    }
    config = edited(lambda program: program["actions"][-1]["primitives"].append(log))
    in_json = text.encode() if text.isascii() else b"\\ud800"
    config.p4_device_config = config.p4_device_config.replace(b"MESSAGE", in_json)
    await primary.set_config(config)
    await primary.write(insert(table(ENTRY)))


def wrapped(config: bytes, *, reassign: bool = True) -> bytes:
    """p4.tmp.P4DeviceConfig: reassign = 1, device_data = 3."""
    length = bytes([len(config) & 0x7F | 0x80, len(config) >> 7 & 0x7F | 0x80, len(config) >> 14])
    return (b"\x08\x01" if reassign else b"") + b"\x1a" + length + config


@pytest.mark.parametrize("reassign", [True, False])
async def test_the_message_of_pis_clients_around_the_json(
    primary: Controller, reassign: bool
) -> None:
    config = load_config("kinds")
    config.p4_device_config = wrapped(config.p4_device_config, reassign=reassign)
    await primary.set_config(config)
    assert (await primary.get_config()).config == config
    await primary.write(insert(table(ENTRY)))


async def test_a_broken_message_around_the_json(primary: Controller) -> None:
    config = load_config("kinds")
    config.p4_device_config = wrapped(config.p4_device_config)[:-1]
    code, message = await refused(primary.set_config(config))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "neither a BMv2 JSON nor a p4.tmp.P4DeviceConfig" in message


async def refused_update(controller: Controller, update: p4r.Update) -> tuple[int, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await controller.write(update)
    (error,) = batch_error(caught.value).errors
    return error.canonical_code, error.message


def _other_struct(config: p4r.ForwardingPipelineConfig) -> None:
    members = config.p4info.type_info.structs["mac_learned_t"].members
    members[1].type_spec.bitstring.bit.bitwidth = 10


def _short_tuple(config: p4r.ForwardingPipelineConfig) -> None:
    del config.p4info.digests[2].type_spec.tuple.members[2]


def _no_struct(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.digests[0].type_spec.struct.name = "nothing_t"


def _header_digest(config: p4r.ForwardingPipelineConfig) -> None:
    config.p4info.digests[0].type_spec.header.name = "h_t"


def _digest_more(config: p4r.ForwardingPipelineConfig) -> None:
    digest = config.p4info.digests.add()
    digest.CopyFrom(config.p4info.digests[0])
    digest.preamble.id, digest.preamble.name = 0x01000009, "digest_1"


def _digest_less(config: p4r.ForwardingPipelineConfig) -> None:
    del config.p4info.digests[2]


BAD_DIGESTS = {
    "digest mac_learned_t has another type": _other_struct,
    "digest digest_0 has another type": _short_tuple,
    "P4Info has no type nothing_t": _no_struct,
    "data of the type header is not supported": _header_digest,
    "digest digest_0 is in one only": _digest_more,
    "digest digest is in one only": _digest_less,
}


@pytest.mark.parametrize(("what", "spoil"), BAD_DIGESTS.items(), ids=BAD_DIGESTS.keys())
async def test_digests_that_disagree_are_refused(
    primary: Controller, what: str, spoil: object
) -> None:
    config = learn_program.config()
    assert callable(spoil)
    spoil(config)
    code, message = await refused(primary.set_config(config))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert what in message


async def test_c_compilers_words_are_passed_on(
    primary: Controller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 'pipeline.c:7: no such luck' >&2\nexit 3\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, message = await refused(primary.set_config(load_config("kinds")))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "status 3" in message
    assert "pipeline.c:7: no such luck" in message


async def test_capabilities(controller: Controller) -> None:
    for device_id in (0, 1):
        answer = await controller.stub.Capabilities(p4r.CapabilitiesRequest(device_id=device_id))
        assert answer.p4runtime_api_version == "1.5.0"
