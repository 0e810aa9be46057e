# SPDX-License-Identifier: Apache-2.0
"""Digests: their descriptions for the runtime, and a function that sends each."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.actions import PIPELINE_PARAMETERS, digest_call
from hectograph.switch.compiler.codegen.bits import Item, store, words
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.deparser import field_item
from hectograph.switch.compiler.codegen.kinds import constant
from hectograph.switch.compiler.codegen.layout import Layout, storage_bits
from hectograph.switch.compiler.codegen.names import c_string


class DigestCode:
    def __init__(self, layout: Layout, program: ir.Program) -> None:
        self._layout = layout
        self._digests = program.digests

    def specifications(self) -> list[str]:
        if not self._digests:
            return []
        lines = ["static const struct hg_digest_spec digests[] = {"]
        for digest in self._digests:
            lines.append(f"\t{{ {c_string(digest.name)}, {_bytes(digest)} }},")
        return [*lines, "};", ""]

    def functions(self, sent: set[ir.Digest]) -> list[str]:
        lines: list[str] = []
        for number, digest in enumerate(self._digests):
            if digest in sent:
                lines += self._send(number, digest)
        return lines

    def _send(self, number: int, digest: ir.Digest) -> list[str]:
        body = [f"\tuint8_t data[{_bytes(digest)}];", ""]
        at = 0
        for element in digest.elements:
            item, size = self._item(element), _element_bytes(element)
            for first, bits, text in words([Item("", 8 * size - item.bits, 8), item]):
                body.append(f"\t{store('data', at + first, bits, text)}")
            at += size
        body.append(f"\tctx->ops->digest(ctx->digests, {number}, data);")
        head = f"static void {digest_call(number, PIPELINE_PARAMETERS)}"
        return function(head, ("phv",), body)

    def _item(self, element: ir.DigestElement) -> Item:
        if isinstance(element, ir.Bits):
            return Item(constant(element.value), element.bits, storage_bits(element.bits))
        if isinstance(element, ir.Validity):
            return Item(self._layout.valid(element.header), 1, 8)
        return field_item(self._layout.field(element), element.field)


def _element_bytes(element: ir.DigestElement) -> int:
    bits = element.bits if isinstance(element, ir.Bits) else ir.key_bits(element)
    return (bits + 7) // 8


def _bytes(digest: ir.Digest) -> int:
    return sum(map(_element_bytes, digest.elements))
