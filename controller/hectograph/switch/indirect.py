# SPDX-License-Identifier: Apache-2.0
"""Tables with an action profile: their entries hold choices, not actions."""

from collections.abc import Iterator

from finsy.proto import p4i, p4r

from hectograph.errors import Refused
from hectograph.switch import native, status
from hectograph.switch.codec import ActionCodec, BitString, KeyCodec, Param
from hectograph.switch.profiles import Profile
from hectograph.switch.tables import Table, TableTraits
from hectograph.switch.values import Entry

CHOICE_BYTES = 4


class IndirectTable(Table):
    """In the runtime it has an action for a choice, and one for none."""

    def __init__(
        self,
        traits: TableTraits,
        key: KeyCodec,
        runtime: native.Table,
        profile: Profile,
        default: p4r.Action,
    ) -> None:
        """`default` is the program's default action; nobody can change it."""
        super().__init__(traits, key, [], runtime)
        info = p4i.Action(preamble=p4i.Preamble(name="choice"))
        choice = [Param(1, "choice", BitString(8 * CHOICE_BYTES))]
        self._choice = ActionCodec(info, p4i.ActionRef(), runtime.action_index("choice"), choice)
        self._profile = profile
        self._default = default
        self._acquired: int | None = None
        """By the update that is being written."""
        if not profile.does_nothing(default):
            fixed = profile.fixed_choice(default)
            runtime.set_default(self._choice.index, fixed.to_bytes(CHOICE_BYTES, "big"))

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.TableEntry) -> None:
        if entry.is_default_action and entry.HasField("action"):
            raise status.denied(
                f"{self.where} has an action profile: its default entry is constant"
            )
        replaced = update == p4r.Update.DELETE or entry.HasField("action")
        old = self._held(entry) if replaced and update != p4r.Update.INSERT else None
        self._acquired = None
        try:
            super().write(update, entry)
        except Refused:
            if self._acquired is not None:
                self._profile.release(self._acquired)
            raise
        if old is not None:
            self._profile.release(old)

    def _held(self, entry: p4r.TableEntry) -> int | None:
        if entry.is_default_action:
            return None
        return next((_number(found) for found in self.find(entry)), None)

    def _encode_action(
        self, entry: p4r.TableEntry, excluded: p4i.ActionRef.Scope.ValueType
    ) -> tuple[ActionCodec, bytes]:
        del excluded  # the profile knows
        self._acquired = self._profile.acquire(entry.action, self.where)
        return self._choice, self._acquired.to_bytes(CHOICE_BYTES, "big")

    def _decode_action(self, entry: Entry, answer: p4r.TableAction) -> None:
        if entry.key is None:
            answer.action.CopyFrom(self._default)
        else:
            self._profile.describe(_number(entry), answer)

    def read(self, wanted: p4r.TableEntry) -> Iterator[p4r.Entity]:
        """At once: what a choice means may be another thing soon."""
        if wanted.action.HasField("action") and not wanted.is_default_action:
            raise status.invalid(f"{self.where} has an action profile: no entry has an action")
        rest = p4r.TableEntry()
        rest.CopyFrom(wanted)
        rest.ClearField("action")
        found = list(super().read(rest))
        if wanted.action.WhichOneof("type") is None:
            return iter(found)
        return (each for each in found if each.table_entry.action == wanted.action)


def _number(entry: Entry) -> int:
    return int.from_bytes(entry.params, "big")
