# SPDX-License-Identifier: Apache-2.0
"""Who may write: P4Runtime's client arbitration, for the one device and the default role.

A state machine without input or output of its own: it posts what clients are to
be told to their outboxes. P4Runtime specification, "Client Arbitration and
Controller Replication".
"""

import asyncio
from collections.abc import Iterable

from finsy.proto import U128, p4r, rpc_code, rpc_status

from hectograph.switch import status

MAX_CLIENTS = 64
"""Open streams; beyond it a client is told RESOURCE_EXHAUSTED."""

OUTBOX_MESSAGES = 1024
"""May wait for a slow client; then packets to it are dropped and it is not listened to."""


class Outbox:
    """What waits to be sent on a client's stream."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[p4r.StreamMessageResponse | None] = asyncio.Queue()
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def is_full(self) -> bool:
        return not self._has_room.is_set()

    def post(self, message: p4r.StreamMessageResponse) -> None:
        """Always taken: who may be made to wait asks first whether it is full."""
        self._queue.put_nowait(message)
        if self._queue.qsize() >= OUTBOX_MESSAGES:
            self._has_room.clear()

    def close(self) -> None:
        """Nothing follows what is in it now."""
        self._queue.put_nowait(None)

    async def room(self) -> None:
        await self._has_room.wait()

    async def get(self) -> p4r.StreamMessageResponse | None:
        """The next message; None after the last of a closed outbox."""
        message = await self._queue.get()
        if self._queue.qsize() < OUTBOX_MESSAGES:
            self._has_room.set()
        return message


class Client:
    """A controller's stream."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.election_id: int | None = None
        """None ranks below every number: such a client is never primary."""


class Arbiter:
    def __init__(self, device_id: int) -> None:
        self.device_id = device_id
        self.primary: Client | None = None
        self._clients: list[Client] = []
        self._highest: int | None = None
        """The highest election id that any client ever had."""

    def is_primary(
        self, request: p4r.WriteRequest | p4r.SetForwardingPipelineConfigRequest
    ) -> bool:
        return (
            self.primary is not None
            and request.HasField("election_id")
            and U128.decode(request.election_id) == self.primary.election_id
        )

    def bid(self, client: Client, update: p4r.MasterArbitrationUpdate) -> bool:
        """Take a client's first or next arbitration update.

        True when it is to be primary. Nobody is then, and the others know, until
        the writes of the last primary have ended and crown() makes it so.
        """
        self._check(client, update)
        if client not in self._clients:
            self._clients.append(client)
        client.election_id = _election_id(update)
        was_primary = self.primary is client
        if client.election_id is not None and (
            self._highest is None or client.election_id >= self._highest
        ):
            self.primary = None
            self._highest = client.election_id
            self._notify((c for c in self._clients if c is not client), rpc_code.ALREADY_EXISTS)
            return True
        if was_primary:
            self.primary = None
            self._notify(self._clients, rpc_code.NOT_FOUND)
        else:
            self._notify([client], self._backup_code())
        return False

    def crown(self, client: Client) -> None:
        """Make it primary, unless it has gone or been outbid since its bid."""
        if client in self._clients and client.election_id == self._highest:
            self.primary = client
            self._notify([client], rpc_code.OK)

    def leave(self, client: Client) -> None:
        """The client's stream has ended."""
        if client not in self._clients:
            return
        self._clients.remove(client)
        if client.election_id is not None and client.election_id == self._highest:
            self.primary = None
            self._notify(self._clients, rpc_code.NOT_FOUND)

    def _check(self, client: Client, update: p4r.MasterArbitrationUpdate) -> None:
        known = client in self._clients
        if update.device_id != self.device_id:
            message = f"device {update.device_id} is not here; this is device {self.device_id}"
            raise (status.failed_precondition if known else status.not_found)(message)
        role = update.role
        if role.name or role.id:  # pyright: ignore[reportDeprecated]: refused either way
            if known:
                raise status.failed_precondition("a stream cannot change its role")
            raise status.not_implemented("roles other than the default one")
        if role.HasField("config"):
            raise status.invalid("the default role has no configuration: leave role.config unset")
        election_id = _election_id(update)
        if election_id is not None and any(
            c.election_id == election_id for c in self._clients if c is not client
        ):
            raise status.invalid(f"election id {election_id} is used by another client")
        if not known and len(self._clients) >= MAX_CLIENTS:
            raise status.exhausted(f"{MAX_CLIENTS} clients are connected already")

    def _backup_code(self) -> int:
        """Whoever has the highest id ever seen is the primary, crowned or about to be."""
        has_primary = self._highest is not None and any(
            client.election_id == self._highest for client in self._clients
        )
        return rpc_code.ALREADY_EXISTS if has_primary else rpc_code.NOT_FOUND

    def _notify(self, clients: Iterable[Client], code: int) -> None:
        update = p4r.MasterArbitrationUpdate(
            device_id=self.device_id,
            status=rpc_status.Status(code=code, message=_MESSAGES[code]),
        )
        if self._highest is not None:
            update.election_id.CopyFrom(U128.encode(self._highest))
        for client in clients:
            client.outbox.post(p4r.StreamMessageResponse(arbitration=update))


_MESSAGES: dict[int, str] = {
    rpc_code.OK: "you are the primary",
    rpc_code.ALREADY_EXISTS: "another client is the primary",
    rpc_code.NOT_FOUND: "there is no primary",
}


def _election_id(update: p4r.MasterArbitrationUpdate) -> int | None:
    return U128.decode(update.election_id) if update.HasField("election_id") else None
