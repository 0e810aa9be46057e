# SPDX-License-Identifier: Apache-2.0
"""Who may write: P4Runtime's client arbitration, for the one device, by role.

A role is a name that clients agree on among themselves: each has a primary of its own,
and every one of these may do everything, as the specification has it for roles
without a configuration.

A state machine without input or output of its own: it posts what clients are to
be told to their outboxes. P4Runtime specification, "Client Arbitration and
Controller Replication".
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from finsy.proto import U128, p4r, rpc_code, rpc_status

from hectograph.switch import status

MAX_CLIENTS = 64
"""Open streams; beyond it a client is told RESOURCE_EXHAUSTED."""

MAX_ROLES = 64
"""That clients have named so far: of each the highest election id is remembered."""

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
        self.role = ""
        self.election_id: int | None = None
        """None ranks below every number: such a client is never primary."""


@dataclass(slots=True)
class _Election:
    """Of one role."""

    role: str
    primary: Client | None = None
    clients: list[Client] = field(default_factory=list["Client"])
    highest: int | None = None
    """The highest election id that any client of the role ever had."""


class Arbiter:
    def __init__(self, device_id: int) -> None:
        self.device_id = device_id
        self._elections = {"": _Election("")}

    @property
    def primary(self) -> Client | None:
        """The default role's."""
        return self._elections[""].primary

    @property
    def primaries(self) -> Iterator[Client]:
        return (each.primary for each in self._elections.values() if each.primary)

    def has_role(self, role: str) -> bool:
        return role in self._elections

    def is_primary(
        self, request: p4r.WriteRequest | p4r.SetForwardingPipelineConfigRequest
    ) -> bool:
        election = self._elections.get(request.role)
        return (
            election is not None
            and election.primary is not None
            and request.HasField("election_id")
            and U128.decode(request.election_id) == election.primary.election_id
        )

    def bid(self, client: Client, update: p4r.MasterArbitrationUpdate) -> bool:
        """Take a client's first or next arbitration update.

        True when it is to be primary. Nobody is then, and the others know, until
        the writes of the last primary have ended and crown() makes it so.
        """
        election = self._check(client, update)
        clients = election.clients
        if client not in clients:
            clients.append(client)
            client.role = election.role
        client.election_id = _election_id(update)
        was_primary = election.primary is client
        if client.election_id is not None and (
            election.highest is None or client.election_id >= election.highest
        ):
            election.primary = None
            election.highest = client.election_id
            others = (c for c in clients if c is not client)
            self._notify(election, others, rpc_code.ALREADY_EXISTS)
            return True
        if was_primary:
            election.primary = None
            self._notify(election, clients, rpc_code.NOT_FOUND)
        else:
            self._notify(election, [client], _backup_code(election))
        return False

    def crown(self, client: Client) -> None:
        """Make it primary, unless it has gone or been outbid since its bid."""
        election = self._elections[client.role]
        if client in election.clients and client.election_id == election.highest:
            election.primary = client
            self._notify(election, [client], rpc_code.OK)

    def leave(self, client: Client) -> None:
        """The client's stream has ended."""
        election = self._elections[client.role]
        if client not in election.clients:
            return
        election.clients.remove(client)
        if client.election_id is not None and client.election_id == election.highest:
            election.primary = None
            self._notify(election, election.clients, rpc_code.NOT_FOUND)

    def _check(self, client: Client, update: p4r.MasterArbitrationUpdate) -> _Election:
        known = client in self._elections[client.role].clients
        if update.device_id != self.device_id:
            message = f"device {update.device_id} is not here; this is device {self.device_id}"
            raise (status.failed_precondition if known else status.not_found)(message)
        role = update.role
        if known and role.name != client.role:
            raise status.failed_precondition("a stream cannot change its role")
        if role.id:  # pyright: ignore[reportDeprecated]: refused
            raise status.not_implemented("roles by number")
        if role.HasField("config"):
            raise status.invalid("roles have no configuration here: leave role.config unset")
        election = self._elections.get(role.name) or _Election(role.name)
        election_id = _election_id(update)
        if election_id is not None and any(
            c.election_id == election_id for c in election.clients if c is not client
        ):
            raise status.invalid(f"election id {election_id} is used by another client")
        count = sum(len(each.clients) for each in self._elections.values())
        if not known and count >= MAX_CLIENTS:
            raise status.exhausted(f"{MAX_CLIENTS} clients are connected already")
        if role.name not in self._elections and len(self._elections) >= MAX_ROLES:
            raise status.exhausted(f"{MAX_ROLES} roles have been named already")
        return self._elections.setdefault(role.name, election)

    def _notify(self, election: _Election, clients: Iterable[Client], code: int) -> None:
        update = p4r.MasterArbitrationUpdate(
            device_id=self.device_id,
            status=rpc_status.Status(code=code, message=_MESSAGES[code]),
        )
        if election.role:
            update.role.name = election.role
        if election.highest is not None:
            update.election_id.CopyFrom(U128.encode(election.highest))
        for client in clients:
            client.outbox.post(p4r.StreamMessageResponse(arbitration=update))


def _backup_code(election: _Election) -> int:
    """Whoever has the highest id ever seen is the primary, crowned or about to be."""
    has_primary = election.highest is not None and any(
        client.election_id == election.highest for client in election.clients
    )
    return rpc_code.ALREADY_EXISTS if has_primary else rpc_code.NOT_FOUND


_MESSAGES: dict[int, str] = {
    rpc_code.OK: "you are the primary",
    rpc_code.ALREADY_EXISTS: "another client is the primary",
    rpc_code.NOT_FOUND: "there is no primary",
}


def _election_id(update: p4r.MasterArbitrationUpdate) -> int | None:
    return U128.decode(update.election_id) if update.HasField("election_id") else None
