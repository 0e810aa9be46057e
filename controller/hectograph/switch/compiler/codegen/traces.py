# SPDX-License-Identifier: Apache-2.0
"""What a traced pipeline says of itself: lines of text at the places where BMv2 logs.

A pipeline without traces has none of it, and its text is the same as if this were not there.
"""

from dataclasses import dataclass

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.names import c_string

_TRACE = "hg_traced"


@dataclass(frozen=True, slots=True)
class Traces:
    on: bool = False

    def line(self, text: str, indent: str = "\t") -> list[str]:
        """The statement that says so, or none."""
        return [f"{indent}{_TRACE}({c_string(text)});"] if self.on else []

    def declaration(self) -> list[str]:
        """The deparser is not told of the context: the parser, which is before it, is."""
        if not self.on:
            return []
        return [f"static _Thread_local void (*{_TRACE})(const char *line);", ""]

    def begin(self) -> list[str]:
        """Where a packet begins to be parsed."""
        return [f"\t{_TRACE} = ctx->ops->trace;", *self.line("Parser: start")] if self.on else []

    def parsed(self, program: ir.Program) -> list[str]:
        """Where it is parsed; `error` says how."""
        lines: list[str] = []
        for name, value in program.errors.items() if self.on else ():
            if name != "NoError":
                lines += [f"\tif (error == {value})", *self.line(f"Parser: {name}", "\t\t")]
        return [*lines, *self.line("Parser: end")]

    def copy(self) -> list[str]:
        """Where the egress of a copy begins."""
        if not self.on:
            return []
        which = "phv->standard.egress_port, phv->standard.egress_rid"
        return [f"\tctx->ops->trace_copy({which});"]
