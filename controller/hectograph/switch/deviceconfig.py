# SPDX-License-Identifier: Apache-2.0
"""p4_device_config: a BMv2 JSON, by itself or in the message that PI's clients put it in."""

from typing import Any, cast

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from hectograph.switch import status

_WRAPPED = b"\x08\x12\x1a"
"""How P4DeviceConfig begins, by its first field; a JSON begins with a brace or white space."""


def program_json(config: bytes) -> bytes:
    if not config or config[0] not in _WRAPPED:
        return config
    message: Any = _P4DeviceConfig()
    try:
        message.ParseFromString(config)
    except DecodeError:
        raise status.invalid(
            "p4_device_config is neither a BMv2 JSON nor a p4.tmp.P4DeviceConfig"
        ) from None
    return cast(bytes, message.device_data)


def _message_class() -> type[Any]:
    """Of what is used of p4/tmp/p4config.proto in PI: P4Runtime's protos do not have it."""
    file = FileDescriptorProto(name="p4/tmp/p4config.proto", package="p4.tmp", syntax="proto3")
    message = file.message_type.add(name="P4DeviceConfig")
    message.field.add(
        name="device_data",
        number=3,
        type=FieldDescriptorProto.TYPE_BYTES,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    pool = DescriptorPool()
    pool.Add(file)  # pyright: ignore[reportUnknownMemberType]
    return GetMessageClass(pool.FindMessageTypeByName("p4.tmp.P4DeviceConfig"))


_P4DeviceConfig = _message_class()
