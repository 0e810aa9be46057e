# SPDX-License-Identifier: Apache-2.0
"""Canonical codes, and how P4Runtime reports an error per element of a batch."""

from collections.abc import Sequence

import grpc
from finsy.proto import p4r, rpc_code, rpc_status
from google.protobuf.any_pb2 import Any

from hectograph.errors import Refused

DETAILS_KEY = "grpc-status-details-bin"

_GRPC_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

BATCH_FAILED = "not every element of the batch succeeded"


def invalid(message: str) -> Refused:
    return Refused(rpc_code.INVALID_ARGUMENT, message)


def out_of_range(message: str) -> Refused:
    return Refused(rpc_code.OUT_OF_RANGE, message)


def not_found(message: str) -> Refused:
    return Refused(rpc_code.NOT_FOUND, message)


def already_exists(message: str) -> Refused:
    return Refused(rpc_code.ALREADY_EXISTS, message)


def denied(message: str) -> Refused:
    return Refused(rpc_code.PERMISSION_DENIED, message)


def failed_precondition(message: str) -> Refused:
    return Refused(rpc_code.FAILED_PRECONDITION, message)


def exhausted(message: str) -> Refused:
    return Refused(rpc_code.RESOURCE_EXHAUSTED, message)


def not_implemented(what: str) -> Refused:
    """`what` in the plural: "digests"."""
    return Refused(rpc_code.UNIMPLEMENTED, f"{what} are not implemented yet")


def aborted(message: str) -> Refused:
    return Refused(rpc_code.ABORTED, message)


def internal(message: str) -> Refused:
    return Refused(rpc_code.INTERNAL, message)


def grpc_code(refused: Refused) -> grpc.StatusCode:
    return _GRPC_CODES[refused.code]


def batch_details(results: Sequence[Refused | None]) -> bytes:
    """google.rpc.Status of a partly failed batch: one p4.v1.Error for each element, in order."""
    status = rpc_status.Status(code=rpc_code.UNKNOWN, message=BATCH_FAILED)
    succeeded = _pack(p4r.Error(canonical_code=rpc_code.OK))
    for result in results:
        if result is None:
            status.details.append(succeeded)
        else:
            status.details.append(_pack(p4r.Error(canonical_code=result.code, message=str(result))))
    return status.SerializeToString()


def _pack(error: p4r.Error) -> Any:
    packed = Any()
    packed.Pack(error)
    return packed
