# SPDX-License-Identifier: Apache-2.0
"""Parser value sets: tables that nobody sees as such, and what a packet may be in."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.bits import Item, store, words
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.layout import c_type
from hectograph.switch.compiler.codegen.names import c_string
from hectograph.switch.compiler.flow import states_in_order


def is_member(number: int, keys: list[str]) -> str:
    """The truth value: called in the parser, defined here."""
    return f"in_value_set_{number}({', '.join(['ctx', *keys])})"


class ValueSetCode:
    """Every field is ternary: the control plane makes masks of other kinds of match."""

    def __init__(self, program: ir.Program, first_table: int) -> None:
        self._sets = program.parser.value_sets
        self._first_table = first_table
        states = states_in_order(program.parser)
        cases = [case for state in states for case in state.cases]
        self._asked = {each.value_set for each in cases if isinstance(each, ir.ValueSetCase)}

    def declarations(self) -> list[str]:
        lines: list[str] = []
        for number, each in enumerate(self._sets):
            lines.append(f"static const struct hg_key_field key_value_set_{number}[] = {{")
            offset = 0
            for place, bits in enumerate(each.bits):
                size = (bits + 7) // 8
                lines.append(f'\t{{ "{place}", {bits}, {offset}, {size}, HG_MATCH_TERNARY }},')
                offset += size
            lines += ["};", ""]
        return lines

    def specifications(self) -> list[str]:
        """For the array of tables."""
        lines: list[str] = []
        for number, each in enumerate(self._sets):
            members = {
                "name": c_string(each.name),
                "key_field_count": str(len(each.bits)),
                "key": f"key_value_set_{number}",
                "key_bytes": str(_bytes(each)),
                "action_count": "HG_VALUE_SET_ACTIONS",
                "actions": "hg_value_set_actions",
                "size": str(each.size),
            }
            lines += ["\t{", *(f"\t\t.{key} = {text}," for key, text in members.items()), "\t},"]
        return lines

    @property
    def count(self) -> int:
        return len(self._sets)

    def functions(self) -> list[str]:
        lines: list[str] = []
        for number, each in enumerate(self._sets):
            if each in self._asked:
                lines += self._function(number, each)
        return lines

    def _function(self, number: int, of: ir.ValueSet) -> list[str]:
        items: list[Item] = []
        parameters = ["struct hg_context *ctx"]
        for place, bits in enumerate(of.bits):
            storage = 128 if bits > 64 else 64
            parameters.append(f"{c_type(storage)} key{place}")
            items += [Item("", -bits % 8, 8), Item(f"key{place}", bits, storage)]
        body = [f"\tuint8_t key[{_bytes(of)}];", ""]
        body += [f"\t{store('key', first, bits, text)}" for first, bits, text in words(items)]
        table = self._first_table + number
        body.append(f"\treturn ctx->ops->lookup(ctx->tables[{table}], key)->hit;")
        head = f"static bool in_value_set_{number}({', '.join(parameters)})"
        return function(head, (), body)


def _bytes(of: ir.ValueSet) -> int:
    return sum((bits + 7) // 8 for bits in of.bits)
