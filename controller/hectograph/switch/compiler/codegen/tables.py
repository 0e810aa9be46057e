# SPDX-License-Identifier: Apache-2.0
"""Tables: their descriptions for the runtime, and the lookup that builds the key."""

from collections.abc import Sequence

from hectograph.errors import UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.actions import PIPELINE_PARAMETERS, Actions
from hectograph.switch.compiler.codegen.bits import Item, store, words
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.calculations import call, hash_name
from hectograph.switch.compiler.codegen.deparser import field_item
from hectograph.switch.compiler.codegen.kinds import constant
from hectograph.switch.compiler.codegen.layout import Layout, storage_bits
from hectograph.switch.compiler.codegen.names import Names, c_string


class TableCode:
    """The tables that a control plane can see; `index` is a table's place among them."""

    def __init__(self, layout: Layout, program: ir.Program, actions: Actions) -> None:
        self._layout = layout
        self._actions = actions
        self.tables = [
            table
            for pipeline in (program.ingress, program.egress)
            for table in pipeline.tables
            if not table.synthetic
        ]
        self._profiles = program.profiles
        self._members = {each: self._members_of(each) for each in program.profiles}
        self._calculations = {each: n for n, each in enumerate(program.calculations)}
        names = Names()
        self._names = {table: names.make(table.name) for table in self.tables}
        self._parameters: dict[ir.Action, str] = {}

    def lookup(self, table: ir.Table) -> str:
        return f"lookup_{self._names[table]}(ctx, phv)"

    def choose(self, table: ir.Table) -> str:
        return f"choose_{self._names[table]}(ctx, phv, entry)"

    def _members_of(self, profile: ir.ActionProfile) -> Sequence[ir.Action]:
        """The actions of its tables, which have the same ones."""
        users = [table for table in self.tables if table.profile is profile]
        lists = {tuple(sorted(each.name for each in table.actions)) for table in users}
        if len(lists) > 1:
            raise UnsupportedFeature(
                "an action profile of tables with different actions: not supported",
                where=profile.name,
            )
        return users[0].actions if users else ()

    def specifications(self, more: list[str]) -> list[str]:
        """Constant data; actions' parameters first, then a table after the other, and `more`."""
        names = Names()
        lines: list[str] = []
        described = self._described()
        for action, code in self._actions:
            if not action.parameters or action not in described:
                continue
            name = self._parameters[action] = names.make(action.name, "parameters_")
            lines.append(f"static const struct hg_param {name}[] = {{")
            for each, member in zip(action.parameters, code.parameters, strict=True):
                place = f"offsetof(struct {code.data_struct}, {member})"
                size = storage_bits(each.bits) // 8
                lines.append(f"	{{ {c_string(each.name)}, {each.bits}, {place}, {size} }},")
            lines += ["};", ""]
        for number, profile in enumerate(self._profiles):
            lines += self._action_specs(f"profile_{number}", self._members[profile])
        if self._profiles:
            lines += self._profile_specs()
        for table in self.tables:
            actions = () if table.profile else table.actions
            lines += [*self._key(table), *self._action_specs(self._names[table], actions)]
            lines += self._entries(table)
        if self.tables or more:
            lines += ["static const struct hg_table_spec tables[] = {"]
            lines += [line for table in self.tables for line in self._spec(table)]
            lines += [*more, "};", ""]
        return lines

    def _described(self) -> set[ir.Action]:
        """Of tables that share a profile only one has its actions described."""
        plain = (table.actions for table in self.tables if not table.profile)
        return {action for each in (*plain, *self._members.values()) for action in each}

    def lookups(self, used: set[ir.Table]) -> list[str]:
        lines: list[str] = []
        for index, table in enumerate(self.tables):
            if table in used:
                lines += self._lookup(table, index)
            if table in used and table.profile:
                lines += self._choose(table, table.profile)
        return lines

    def member_index(self, table: ir.Table, action: ir.Action) -> int:
        """An action's place among those of the table's profile: tables share them by name."""
        names = [each.name for each in self._members[table.profile]] if table.profile else []
        return names.index(action.name)

    def _key(self, table: ir.Table) -> list[str]:
        if not table.key:
            return []
        lines = [f"static const struct hg_key_field key_{self._names[table]}[] = {{"]
        offset = 0
        for each in table.key:
            kind = f"HG_MATCH_{each.match.name}"
            lines.append(
                f"\t{{ {c_string(each.name)}, {each.bits}, {offset}, {each.bytes}, {kind} }},"
            )
            offset += each.bytes
        return [*lines, "};", ""]

    def _action_specs(self, name: str, actions: Sequence[ir.Action]) -> list[str]:
        if not actions:
            return []
        lines = [f"static const struct hg_action_spec actions_{name}[] = {{"]
        for action in actions:
            count, parameters = len(action.parameters), self._parameters.get(action, "NULL")
            size = f"sizeof(struct {self._actions[action].data_struct})" if count else "0"
            lines.append(f"\t{{ {c_string(action.name)}, {count}, {parameters}, {size} }},")
        return [*lines, "};", ""]

    def _profile_specs(self) -> list[str]:
        lines = ["static const struct hg_profile_spec profiles[] = {"]
        for number, profile in enumerate(self._profiles):
            count = len(self._members[profile])
            actions = f"actions_profile_{number}" if count else "NULL"
            lines.append(f"\t{{ {c_string(profile.name)}, {profile.size}, {count}, {actions} }},")
        return [*lines, "};", ""]

    def _entries(self, table: ir.Table) -> list[str]:
        if not table.entries:
            return []
        exact = all(each.match is ir.Match.EXACT for each in table.key)
        lines = [f"static const struct hg_static_entry entries_{self._names[table]}[] = {{"]
        for entry in table.entries:
            mask = "NULL" if exact else _octets(entry.masks, table)
            lines += [
                "\t{",
                f"\t\t.key = {_octets(entry.values, table)},",
                f"\t\t.mask = {mask},",
                f"\t\t.priority = {entry.priority},",
                f"\t\t.action = {table.actions.index(entry.call.action)},",
                f"\t\t.data = {self._actions.data(entry.call)},",
                "\t},",
            ]
        return [*lines, "};", ""]

    def _spec(self, table: ir.Table) -> list[str]:
        name, default = self._names[table], table.default
        members = {
            "name": c_string(table.name),
            "key_field_count": str(len(table.key)),
            "key": f"key_{name}" if table.key else "NULL",
            "key_bytes": str(table.key_bytes),
            "action_count": "HG_CHOICE_ACTIONS" if table.profile else str(len(table.actions)),
            "actions": "hg_choice_actions" if table.profile else f"actions_{name}",
            "size": str(table.size),
            "is_const": _truth(table.entries is not None),
            "const_default": _truth(table.const_default),
            "has_counter": _truth(table.has_counter),
            "has_meter": _truth(table.meter is not None),
            "meter_in_bytes": _truth(table.meter is not None and table.meter.in_bytes),
            "support_timeout": _truth(table.support_timeout),
            "default_action": str(table.actions.index(default.action)) if default else "0",
            "default_data": self._actions.data(default) if default else "NULL",
            "entry_count": str(len(table.entries or ())),
            "entries": f"entries_{name}" if table.entries else "NULL",
        }
        return ["\t{", *(f"\t\t.{key} = {value}," for key, value in members.items()), "\t},"]

    def _lookup(self, table: ir.Table, index: int) -> list[str]:
        head = f"static const struct hg_entry *lookup_{self._names[table]}({PIPELINE_PARAMETERS})"
        if not table.key:
            body = [f"\treturn ctx->ops->lookup(ctx->tables[{index}], NULL);"]
            return function(head, ("phv",), body)
        body = [f"\tuint8_t key[{table.key_bytes}];", ""]
        items: list[Item] = []
        for each in table.key:
            item = self._key_item(each)
            items += [Item("", 8 * each.bytes - item.bits, 8), item]
        body += [f"\t{store('key', first, bits, text)}" for first, bits, text in words(items)]
        body.append(f"\treturn ctx->ops->lookup(ctx->tables[{index}], key);")
        return function(head, ("phv",), body)

    def _choose(self, table: ir.Table, profile: ir.ActionProfile) -> list[str]:
        """The entry's member, or that of its group which the packet's hash is for; or none."""
        number = self._profiles.index(profile)
        head = (
            f"static const struct hg_member *choose_{self._names[table]}"
            f"({PIPELINE_PARAMETERS}, const struct hg_entry *entry)"
        )
        body = [
            f"\tconst struct hg_members *members = hg_members_of(ctx->profiles[{number}], entry);",
            "",
        ]
        chosen = "0"
        if profile.selector:
            name = hash_name(self._calculations[profile.selector])
            chosen = f"members->count > 1 ? {call(name, profile.selector)} : 0"
        body.append(f"\treturn hg_member_of(members, {chosen});")
        return function(head, ("phv",), body)

    def _key_item(self, key: ir.KeyField) -> Item:
        """A field of a header that is not valid matches as zero."""
        if isinstance(key.target, ir.Validity):
            return Item(self._layout.valid(key.target.header), 1, 8)
        item = field_item(self._layout.field(key.target), key.target.field)
        valid, text = self._layout.valid(key.target.header), item.text
        if key.mask is not None:
            text = f"({text} & {constant(key.mask & (1 << item.bits) - 1)})"
        if valid != "true":
            text = f"({valid} ? {text} : 0)"
        return Item(text, item.bits, item.storage)


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _octets(values: tuple[int, ...], table: ir.Table) -> str:
    """A key as the runtime has it: each field in network order, padded to whole bytes."""
    octets = b"".join(
        value.to_bytes(each.bytes, "big") for value, each in zip(values, table.key, strict=True)
    )
    return f"(const uint8_t[]){{ {', '.join(f'{byte:#04x}' for byte in octets)} }}"
