# SPDX-License-Identifier: Apache-2.0
"""Between the host protocol's messages (pusher.proto) and Hectograph's own values."""

import errno
import os
from datetime import UTC, datetime
from ipaddress import ip_address

from hectograph.core.model import FileSource, Rate, UdpSource
from hectograph.core.status import PusherCounters
from hectograph.core.streams import PushPhase, PushSpec, PushState
from hectograph.drivers.base import PusherHello
from hectograph.errors import (
    Conflict,
    HectographError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    ToolFailure,
)
from hectograph.pusher import pusher_pb2 as pb

PATH_BYTES = 4095
GROUPS = 64
"""pusher.options: what a pusher has room for."""

_PHASES = {
    pb.Stream.RUNNING: PushPhase.RUNNING,
    pb.Stream.DONE: PushPhase.DONE,
    pb.Stream.STOPPED: PushPhase.STOPPED,
    pb.Stream.FAILED: PushPhase.FAILED,
}

_ERRORS: dict[int, type[HectographError]] = {
    errno.ENOENT: NotFound,
    errno.ENODEV: NotFound,
    errno.EEXIST: Conflict,
    errno.EADDRINUSE: Conflict,
    errno.EFBIG: LimitExceeded,
    errno.EMSGSIZE: LimitExceeded,
    errno.ENOSPC: LimitExceeded,
    **dict.fromkeys(
        (
            errno.EACCES,
            errno.EADDRNOTAVAIL,
            errno.EBADMSG,
            errno.EINVAL,
            errno.EISDIR,
            errno.ELOOP,
            errno.ENAMETOOLONG,
            errno.ENODATA,
            errno.ENOSYS,
            errno.ENOTDIR,
            errno.ENOTSUP,
            errno.ENXIO,
        ),
        InvalidInput,
    ),
}


def error_of(status: pb.Status) -> HectographError:
    """What the pusher refused, in its own words; never Unavailable, because it answered."""
    return _ERRORS.get(status.code, ToolFailure)(status.message)


def spec_message(spec: PushSpec) -> pb.StreamSpec:
    if len(spec.groups) > GROUPS:
        raise LimitExceeded(f"{len(spec.groups)} groups; a push goes to at most {GROUPS}")
    message = pb.StreamSpec(
        groups=spec.groups,
        content=spec.content,
        segment_bytes=spec.segment_bytes,
        loop=spec.loop,
        start_offset=spec.start_offset,
    )
    if isinstance(spec.source, FileSource):
        _check_path(spec.source.path)
        message.path = spec.source.path
    else:
        message.udp.address = str(spec.source.address)
        message.udp.port = spec.source.port
        message.udp.multicast_interface = spec.source.multicast_interface or ""
    if spec.rate.bits_per_second is not None:
        message.bits_per_second = spec.rate.bits_per_second
    elif spec.rate.packets_per_second is not None:
        message.packets_per_second = spec.rate.packets_per_second
    return message


def _check_path(path: str) -> None:
    if len(os.fsencode(path)) > PATH_BYTES:
        raise InvalidInput(f"longer than {PATH_BYTES} bytes", where="path")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{path!r} is not UTF-8", where="path") from error
    if "\0" in path:
        raise InvalidInput(f"{path!r} has a zero byte", where="path")


def _spec(message: pb.StreamSpec) -> PushSpec:
    source: FileSource | UdpSource
    if message.WhichOneof("source") == "path":
        source = FileSource(message.path)
    else:
        udp = message.udp
        source = UdpSource(ip_address(udp.address), udp.port, udp.multicast_interface or None)
    return PushSpec(
        source=source,
        groups=tuple(message.groups),
        content=message.content,
        segment_bytes=message.segment_bytes,
        rate=Rate(message.bits_per_second or None, message.packets_per_second or None),
        loop=message.loop,
        start_offset=message.start_offset,
    )


def state_of(message: pb.Stream) -> PushState:
    return PushState(
        name=message.name,
        phase=_PHASES[message.state],
        spec=_spec(message.spec),
        total_bytes=message.total_bytes,
        offset=message.offset,
        pushes=message.pushes,
        payload_bytes=message.payload_bytes,
        rounds=message.rounds,
        elapsed_seconds=message.elapsed_microseconds / 1e6,
        late_seconds=message.late_nanoseconds / 1e9,
        error=message.error,
    )


def hello_of(message: pb.Hello) -> PusherHello:
    return PusherHello(
        version=message.version,
        interface=message.interface,
        mtu=message.mtu,
        mac=int.from_bytes(message.mac) if message.mac else None,
        pid=message.pid,
        started_at=datetime.fromtimestamp(message.started / 1e6, UTC),
    )


def counters_of(message: pb.Counters) -> PusherCounters:
    return PusherCounters(
        pushes=message.pushes,
        frame_bytes=message.frame_bytes,
        payload_bytes=message.payload_bytes,
        send_errors=message.send_errors,
        send_retries=message.send_retries,
        source_dropped=message.source_oversized + message.source_empty + message.source_overflow,
        link_waits=message.link_waits,
        requests=message.requests,
        bad_requests=message.bad_requests,
    )
