# SPDX-License-Identifier: Apache-2.0
"""What a clone, or a packet that goes again, keeps of its metadata."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.layout import Layout


class CloneCode:
    def __init__(
        self, layout: Layout, program: ir.Program, *, clones: bool, goes_again: bool
    ) -> None:
        self._layout = layout
        self._program = program
        self._goes_again = goes_again
        self._clones = clones or goes_again

    def functions(self) -> list[str]:
        return [*self._keep(), *self._reset()] if self._clones else []

    def exports(self) -> dict[str, str]:
        return {
            "keep_fields": "keep_fields" if self._clones else "NULL",
            "reset_metadata": "reset_metadata" if self._clones else "NULL",
            "goes_again": "true" if self._goes_again else "false",
        }

    def _keep(self) -> list[str]:
        lists = [each for each in self._program.field_lists if each.fields]
        body = ["\tstruct phv *phv = opaque;", "\tconst struct phv *from = opaque_from;", ""]
        body += ["\tswitch (fields) {"]
        for each in lists:
            body.append(f"\tcase {each.number}:")
            body += [f"\t\t{self._copy(field)}" for field in each.fields]
            body.append("\t\tbreak;")
        body.append("\t}")
        head = "static void keep_fields(uint32_t fields, void *opaque, const void *opaque_from)"
        if not lists:
            return function(head, ("fields", "opaque", "opaque_from"), [])
        return function(head, (), body)

    def _copy(self, field: ir.FieldValue) -> str:
        text = self._layout.field(field)
        return f"{text} = {text.replace('phv->', 'from->', 1)};"

    def _reset(self) -> list[str]:
        """Headers stay, with what simple_switch keeps beside them: their length."""
        body = ["\tstruct phv *phv = opaque;", ""]
        body.append("\tmemset(&phv->standard, 0, sizeof(phv->standard));")
        for header in self._program.headers:
            if header.metadata and header.name != ir.STANDARD and self._layout.has(header):
                member = self._layout.member(header)
                body.append(f"\tmemset(&{member}, 0, sizeof({member}));")
        return function("static void reset_metadata(void *opaque)", (), body)
