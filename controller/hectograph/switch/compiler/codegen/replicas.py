# SPDX-License-Identifier: Apache-2.0
"""What is brought back between two runs of egress on one PHV."""

from itertools import groupby

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.layout import Layout
from hectograph.switch.compiler.liveness import (
    Place,
    changes_length,
    of_header,
    restored,
    truncates,
)


class ReplicaCode:
    def __init__(self, layout: Layout, program: ir.Program) -> None:
        self._layout = layout
        self._program = program

    def function(self) -> list[str]:
        """restore(): a header as a whole where all of it is, else field by field."""
        members: list[str] = []
        for header, group in groupby(restored(self._program), _owner):
            places = list(group)
            if isinstance(header, ir.Header) and _is_whole(header, places):
                members.append(self._layout.member(header))
            else:
                members += map(self._member, places)
        if changes_length(self._program):
            members.append("phv->packet_bytes")
        if truncates(self._program):
            members += ["phv->standard.asked", "phv->standard.truncate_bytes"]
        head = "static void restore(void *opaque, const void *opaque_from)"
        if not members:
            return function(head, ("opaque", "opaque_from"), [])
        body = ["\tstruct phv *phv = opaque;", "\tconst struct phv *from = opaque_from;", ""]
        body += [f"\t{each} = {each.replace('phv->', 'from->', 1)};" for each in members]
        return function(head, (), body)

    def _member(self, place: Place) -> str:
        if isinstance(place, ir.Stack):
            return self._layout.count(place)
        if isinstance(place, ir.Validity):
            return self._layout.valid(place.header)
        return self._layout.field(place)


def _is_whole(header: ir.Header, places: list[Place]) -> bool:
    return not header.metadata and len(places) == len(of_header(header))


def _owner(place: Place) -> ir.Header | ir.Stack:
    return place if isinstance(place, ir.Stack) else place.header
