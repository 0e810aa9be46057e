# SPDX-License-Identifier: Apache-2.0
"""Writes the C source of ``hectograph._native`` (cffi, API mode).

What Python sees is read from the headers that C is compiled with: hg_switch.h
between its CFFI markers, and the integer constants of it and of p4/wire.h.
"""

import argparse
import re
from pathlib import Path

from cffi import FFI

CONSTANT = re.compile(r"^#define[ \t]+(HG_\w+)[ \t]+\S", re.MULTILINE)
INTERFACE = re.compile(r"/\* CFFI BEGIN \*/(.*)/\* CFFI END \*/", re.DOTALL)


def declarations(switch_header: str, wire_header: str) -> str:
    """The cdef: every constant that has a value, then the interface."""
    interface = INTERFACE.search(switch_header)
    if interface is None:
        raise SystemExit("hg_switch.h: no text between the CFFI markers")
    names = CONSTANT.findall(wire_header) + CONSTANT.findall(switch_header)
    constants = "".join(f"#define {name} ...\n" for name in names)
    return constants + interface.group(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("switch_header", type=Path)
    parser.add_argument("wire_header", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    ffi = FFI()
    ffi.cdef(declarations(arguments.switch_header.read_text(), arguments.wire_header.read_text()))
    ffi.set_source("hectograph._native", '#include "hg_switch.h"\n#include "wire.h"\n')
    ffi.emit_c_code(str(arguments.output))


if __name__ == "__main__":
    main()
