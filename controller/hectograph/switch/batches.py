# SPDX-License-Identifier: Apache-2.0
"""What a Write or Read of many elements does with them, and how it reports on each."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import grpc
from finsy.proto import p4r

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.native import Switch
from hectograph.switch.pipeline import Pipeline
from hectograph.switch.transaction import Transaction

log = logging.getLogger(__name__)

_SLICE = 256
"""Elements of a batch that are worked on before other tasks get their turn."""

_READ_SLICE = 64
"""The same of a read, which others may come in between."""

ATOMIC_UPDATES = 1024
"""In a DATAPLANE_ATOMIC batch: what a port's receive ring bridges at usual rates."""

_MESSAGE_BYTES = 1 << 20
"""A read's entities leave in messages of about this size; gRPC's clients take 4 MiB."""

_Context = grpc.aio.ServicerContext[Any, Any]


async def write_each(pipeline: Pipeline, updates: Sequence[p4r.Update]) -> list[Refused | None]:
    """CONTINUE_ON_ERROR."""
    results: list[Refused | None] = []
    for count, update in enumerate(updates, 1):
        results.append(_apply(pipeline, update))
        if count % _SLICE == 0:
            await asyncio.sleep(0)
    return results


async def write_all(pipeline: Pipeline, updates: Sequence[p4r.Update]) -> list[Refused | None]:
    """ROLLBACK_ON_ERROR."""
    transaction = Transaction(pipeline, _apply)
    for count, update in enumerate(updates, 1):
        if not transaction.apply(update):
            break
        if count % _SLICE == 0:
            await asyncio.sleep(0)
    return transaction.results(len(updates))


def write_at_once(
    switch: Switch, pipeline: Pipeline, updates: Sequence[p4r.Update]
) -> list[Refused | None]:
    """DATAPLANE_ATOMIC: packets wait meanwhile, so it may not take long."""
    if len(updates) > ATOMIC_UPDATES:
        raise status.not_implemented(f"DATAPLANE_ATOMIC batches of over {ATOMIC_UPDATES}")
    transaction = Transaction(pipeline, _apply)
    with switch.held():
        all(map(transaction.apply, updates))
    return transaction.results(len(updates))


class Reading:
    """What one entity of a read selects, once it has been looked for."""

    def __init__(self, pipeline: Pipeline, wanted: p4r.Entity) -> None:
        kind = wanted.WhichOneof("entity")
        self.is_snapshot = kind in ("table_entry", "packet_replication_engine_entry")
        """It was looked for here: what is written later changes nothing of it."""
        self.refused: Refused | None = None
        self.entities: Iterable[p4r.Entity] = ()
        try:
            self.entities = pipeline.read(wanted)
        except Refused as refused:
            self.refused = refused


async def answer_reads(
    reads: Sequence[Reading],
) -> tuple[list[p4r.ReadResponse], list[Refused | None]]:
    """What they found, packed into messages that any client takes; and what failed."""
    messages: list[p4r.ReadResponse] = []
    room = 0
    for read in reads:
        try:
            for count, entity in enumerate(read.entities, 1):
                size = entity.ByteSize()
                if not messages or size > room:
                    messages.append(p4r.ReadResponse())
                    room = _MESSAGE_BYTES
                messages[-1].entities.append(entity)
                room -= size
                if count % _READ_SLICE == 0:
                    await asyncio.sleep(0)
        except Refused as refused:
            read.refused = refused
    return messages, [read.refused for read in reads]


def _apply(pipeline: Pipeline, update: p4r.Update) -> Refused | None:
    try:
        pipeline.write(update)
    except Refused as refused:
        return refused
    except OSError as error:
        log.exception("the runtime refused an update")
        return status.internal(f"the runtime refused the update: {error.strerror}")
    return None


def refusal(error: Exception) -> Refused:
    """What its client is told: of a fault of the switch only that it is one."""
    if isinstance(error, Refused):
        return error
    log.error("a fault of the switch", exc_info=error)
    return status.internal("a fault of the switch: its log says which")


async def abort(context: _Context, refused: Refused) -> NoReturn:
    await context.abort(status.grpc_code(refused), str(refused))


async def abort_batch(context: _Context, results: list[Refused | None]) -> None:
    """UNKNOWN with a code for each element, when one has failed."""
    if any(results):
        details = ((status.DETAILS_KEY, status.batch_details(results)),)
        await context.abort(grpc.StatusCode.UNKNOWN, status.BATCH_FAILED, details)
