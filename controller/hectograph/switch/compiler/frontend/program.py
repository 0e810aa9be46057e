# SPDX-License-Identifier: Apache-2.0
"""The whole program: a v1model one, as simple_switch takes it."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.actions import load_actions
from hectograph.switch.compiler.frontend.arrays import load_arrays
from hectograph.switch.compiler.frontend.checksums import load_checksums
from hectograph.switch.compiler.frontend.clones import check_places
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.parser import load_parser
from hectograph.switch.compiler.frontend.reader import Node, read
from hectograph.switch.compiler.frontend.tables import load_pipeline

JSON_MAJOR, JSON_MINOR = 2, 24
"""The format's newest version that this reads."""

MAX_EMITTED_BYTES = 2048
"""What the runtime has room for before a packet's payload: LOADED_HEADER_BYTES there."""

_REQUIRED = ("ingress_port", "packet_length", "instance_type", "egress_spec", "egress_port")
_ALIASED = ("intrinsic_metadata", "queueing_metadata")
"""Headers that P4_14 programs have apart and v1model has as aliases of its own."""

CORE_ERRORS = (
    "NoError",
    "PacketTooShort",
    "NoMatch",
    "StackOutOfBounds",
    "HeaderTooShort",
    "ParserTimeout",
    "ParserInvalidArgument",
)


def load_program(text: str | bytes, name: str) -> ir.Program:
    """Check and resolve a BMv2 JSON; `name` is what errors call the document."""
    root = read(text, name)
    _check_version(root)
    headers = Headers(root)
    _check_metadata(root, headers)
    arrays = load_arrays(root, headers)
    actions = load_actions(root, headers, arrays)
    deparser = _only(root, "deparsers", "deparser")
    for primitive in deparser.array("primitives"):
        primitive.unsupported("primitives in the deparser")
    pipelines = {node["name"].string(): node for node in root.array("pipelines")}
    if set(pipelines) != {"ingress", "egress"}:
        root.unsupported(f"pipelines other than ingress and egress ({', '.join(pipelines)})")
    emitted = tuple(headers.emitted(item) for item in deparser.array("order"))
    most = sum(header.type.max_bytes for header in emitted)
    if most > MAX_EMITTED_BYTES:
        deparser.unsupported(f"headers of up to {most} bytes in all (up to {MAX_EMITTED_BYTES})")
    egress = load_pipeline(pipelines["egress"], headers, actions, arrays)
    parser = load_parser(root, _only(root, "parsers", "parser"), headers, arrays)
    ingress = load_pipeline(pipelines["ingress"], headers, actions, arrays)
    check_places(parser, ingress, egress, root)
    source = root.find("program")
    return ir.Program(
        headers=tuple(headers.by_name.values()),
        unions=tuple(headers.unions.values()),
        stacks=tuple(headers.stacks.values()),
        errors=_errors(root),
        parser=parser,
        ingress=ingress,
        egress=egress,
        deparser=emitted,
        checksums=load_checksums(root, headers, arrays.calculations),
        counters=tuple(arrays.counters.values()),
        meters=tuple(arrays.meters.values()),
        registers=tuple(arrays.registers.values()),
        digests=tuple(arrays.digests.values()),
        field_lists=tuple(arrays.field_lists.values()),
        profiles=tuple(arrays.profiles.values()),
        calculations=(
            *arrays.calculations.values(),
            *(each.selector for each in arrays.profiles.values() if each.selector),
        ),
        name=source.string() if source else "",
    )


def _only(root: Node, key: str, name: str) -> Node:
    nodes = root.array(key)
    if [node["name"].string() for node in nodes] != [name]:
        root.unsupported(f"{key} other than one named '{name}'")
    return nodes[0]


def _check_version(root: Node) -> None:
    meta = root.find("__meta__")
    version = meta.find("version") if meta else None
    if version is None:
        return
    major, minor = (item.natural() for item in version.pair())
    if major != JSON_MAJOR or minor > JSON_MINOR:
        version.unsupported(
            f"version {major}.{minor} of the format (up to {JSON_MAJOR}.{JSON_MINOR})"
        )


def _check_metadata(root: Node, headers: Headers) -> None:
    standard = headers.by_name.get(ir.STANDARD)
    if standard is None or not standard.metadata:
        root.unsupported(f"a program without v1model's '{ir.STANDARD}'")
    fields = {field.name for field in standard.type.fields}
    for required in _REQUIRED:
        if required not in fields:
            root.invalid(f"'{ir.STANDARD}' has no field '{required}'")
    for name in _ALIASED:
        if name in headers.by_name:
            root.unsupported(f"'{name}' as a header of its own")
    for alias in root.array("field_aliases"):
        theirs, ours = alias.pair()
        header, field = (part.string() for part in ours.pair())
        if header != ir.STANDARD or theirs.string().partition(".")[2] != field:
            alias.unsupported(f"'{theirs.string()}' as another name of {header}.{field}")


def _errors(root: Node) -> dict[str, int]:
    """Every error's number; core errors that the program does not list come after its own."""
    pairs = map(Node.pair, root.array("errors"))
    errors = {name.string(): number.natural() for name, number in pairs}
    following = max(errors.values(), default=-1) + 1
    for name in CORE_ERRORS:
        if name not in errors:
            errors[name] = following
            following += 1
    return errors
