# SPDX-License-Identifier: Apache-2.0
"""DigestEntry, DigestList and DigestListAck, as the specification's "DigestEntry" has them.

What the data plane sends is buffered until the list is full or its oldest message
has waited for max_timeout_ns; what was sent and not acknowledged is not sent again
for ack_timeout_ns.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from finsy.proto import p4i, p4r

from hectograph.switch import status
from hectograph.switch.agreement import Agreed, digest_indices
from hectograph.switch.native import LoadedPipeline
from hectograph.switch.notifications import NotificationCounters, Notifier
from hectograph.switch.p4data import DataCodec, data_codec
from hectograph.switch.translation import Translations
from hectograph.switch.values import DigestMessage

_LIST_BYTES = 1 << 20
"""A list is not longer than about this: gRPC's clients take 4 MiB."""

_MEMBER_BYTES = 8
"""What a member of a message costs beside its value."""

_NS = 1e-9


@dataclass(slots=True)
class _Sent:
    """A list that waits for its acknowledgement."""

    messages: list[bytes]
    timer: asyncio.TimerHandle


@dataclass(slots=True)
class _State:
    """Of a digest that is enabled."""

    entry: p4r.DigestEntry
    """As it was written."""
    buffer: dict[bytes, None] = field(default_factory=dict[bytes, None])
    timer: asyncio.TimerHandle | None = None
    sent: dict[int, _Sent] = field(default_factory=dict[int, "_Sent"])
    cache: set[bytes] = field(default_factory=set[bytes])
    """All messages of the lists in `sent`."""


class Digest:
    """One digest of a pipeline; without a state it is disabled."""

    def __init__(
        self,
        info: p4i.Digest,
        codec: DataCodec,
        want: Callable[[bool], None],
        deliver: Callable[[list[bytes]], int | None],
        counters: NotificationCounters,
    ) -> None:
        self.id = info.preamble.id
        self.codec = codec
        self.where = f"digest {info.preamble.name}"
        self._want = want
        self._deliver = deliver
        """The list's id; None when it went to nobody."""
        self._counters = counters
        self._state: _State | None = None
        self._most = _LIST_BYTES // (codec.size + _MEMBER_BYTES * (len(codec.widths) + 1))
        """Messages in a list, whatever the client says."""

    # ---- configuration ---------------------------------------------------------

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.DigestEntry) -> None:
        if update == p4r.Update.INSERT:
            if self._state is not None:
                raise status.already_exists(f"{self.where} is enabled already")
            self._state = _State(self._checked(entry))
            self._want(True)
            return
        if self._state is None:
            raise status.not_found(f"{self.where} is not enabled")
        if update == p4r.Update.MODIFY:
            self._state.entry = self._checked(entry)
            self.flush()
        else:
            self.close()

    def read(self) -> p4r.DigestEntry | None:
        return None if self._state is None else self._state.entry

    def close(self) -> None:
        self.forget()
        if self._state is not None:
            _cancel(self._state.timer)
            self._want(False)
        self._state = None

    def _checked(self, entry: p4r.DigestEntry) -> p4r.DigestEntry:
        kept, config = p4r.DigestEntry(), entry.config
        kept.CopyFrom(entry)
        if min(config.max_timeout_ns, config.max_list_size, config.ack_timeout_ns) < 0:
            raise status.invalid(f"{self.where}: a negative timeout or list size")
        return kept

    # ---- messages --------------------------------------------------------------

    def take(self, message: bytes) -> None:
        state = self._state
        if state is None:
            return
        self._counters.digests += 1
        if message in state.buffer or message in state.cache:
            self._counters.digest_duplicates += 1
            return
        state.buffer[message] = None
        config = state.entry.config
        most = min(config.max_list_size or self._most, self._most)
        if not config.max_timeout_ns or len(state.buffer) >= most:
            self.flush()
        elif state.timer is None:
            loop = asyncio.get_running_loop()
            state.timer = loop.call_later(config.max_timeout_ns * _NS, self.flush)

    def flush(self) -> None:
        """Send what waits."""
        state = self._state
        if state is None:
            return
        _cancel(state.timer)
        state.timer = None
        messages = list(state.buffer)
        state.buffer.clear()
        if not messages:
            return
        number = self._deliver(messages)
        if number is None:
            self._counters.dropped_digests += len(messages)
            return
        self._counters.digest_lists += 1
        if state.entry.config.ack_timeout_ns:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(
                state.entry.config.ack_timeout_ns * _NS, self.acknowledge, number
            )
            state.sent[number] = _Sent(messages, timer)
            state.cache.update(messages)

    def acknowledge(self, number: int) -> None:
        """The list was acknowledged, or for too long it was not."""
        sent = self._state.sent.pop(number, None) if self._state else None
        if self._state is not None and sent is not None:
            sent.timer.cancel()
            self._state.cache.difference_update(sent.messages)

    def forget(self) -> None:
        """Nothing counts as sent any more: there is another primary, or none."""
        for number in list(self._state.sent) if self._state else ():
            self.acknowledge(number)


class Digests:
    """All digests of a pipeline."""

    def __init__(
        self,
        loaded: LoadedPipeline,
        agreed: Agreed,
        translations: Translations,
        notifier: Notifier,
    ) -> None:
        self._notifier = notifier
        self._loaded = loaded
        self._next_list = 1
        self._by_id: dict[int, Digest] = {}
        self._by_index: dict[int, Digest] = {}
        infos, lists = agreed.p4info.digests, agreed.digests
        indices = digest_indices([i.preamble.name for i in infos], [each.name for each in lists])
        for info in infos:
            where, places = f"digest {info.preamble.name}", indices[info.preamble.name]
            codecs = [
                data_codec(
                    info.type_spec,
                    agreed.p4info.type_info,
                    translations,
                    lists[place].widths,
                    where,
                )
                for place in places
            ]
            digest = self._bind(info, codecs[0], places)
            self._by_id[digest.id] = digest
            self._by_index |= dict.fromkeys(places, digest)

    def _bind(self, info: p4i.Digest, codec: DataCodec, indices: Sequence[int]) -> Digest:
        def want(wanted: bool) -> None:
            for index in indices:
                self._loaded.want_digest(index, wanted)

        def deliver(messages: list[bytes]) -> int | None:
            return self._send(digest, messages)

        digest = Digest(info, codec, want, deliver, self._notifier.counters)
        return digest

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.DigestEntry) -> None:
        self.find(entry.digest_id).write(update, entry)

    def read(self, entry: p4r.DigestEntry) -> Iterator[p4r.Entity]:
        wanted = [self.find(entry.digest_id)] if entry.digest_id else self._by_id.values()
        for digest in wanted:
            if (found := digest.read()) is not None:
                yield p4r.Entity(digest_entry=found)
            elif entry.digest_id:
                raise status.not_found(f"{digest.where} is not enabled")

    def before(self, entry: p4r.DigestEntry) -> list[p4r.Entity]:
        found = self.find(entry.digest_id).read()
        return [] if found is None else [p4r.Entity(digest_entry=found)]

    def find(self, digest_id: int) -> Digest:
        digest = self._by_id.get(digest_id)
        if digest is None:
            raise status.invalid(f"the pipeline has no digest {digest_id:#010x}")
        return digest

    def take(self, messages: Sequence[DigestMessage]) -> None:
        for index, data in messages:
            self._by_index[index].take(data)

    def acknowledge(self, ack: p4r.DigestListAck) -> None:
        """A list that is not known has timed out: nothing is left to do."""
        self.find(ack.digest_id).acknowledge(ack.list_id)

    def forget_sent(self) -> None:
        for digest in self._by_id.values():
            digest.forget()

    def close(self) -> None:
        for digest in self._by_id.values():
            digest.close()

    def _send(self, digest: Digest, messages: list[bytes]) -> int | None:
        number = self._next_list
        answer = p4r.DigestList(digest_id=digest.id, list_id=number, timestamp=time.time_ns())
        for message in messages:
            digest.codec.decode(answer.data.add(), message)
        if not self._notifier.post(p4r.StreamMessageResponse(digest=answer)):
            return None
        self._next_list += 1
        return number


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
