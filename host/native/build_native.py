# SPDX-License-Identifier: Apache-2.0
"""Writes the C source of ``hectograph._native`` (cffi, API mode).

What Python sees is read from the headers that C is compiled with: hg_switch.h
and hg_observe.h between their CFFI markers, and the integer constants of them and of
p4/wire.h.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from cffi import FFI

CONSTANT = re.compile(r"^#define[ \t]+(HG_\w+)[ \t]+\S", re.MULTILINE)
INTERFACE = re.compile(r"/\* CFFI BEGIN \*/(.*)/\* CFFI END \*/", re.DOTALL)


def declarations(headers: Sequence[Path]) -> str:
    """The cdef: every constant that has a value, then the interfaces."""
    texts = [header.read_text() for header in headers]
    names = [name for text in texts for name in CONSTANT.findall(text)]
    constants = "".join(f"#define {name} ...\n" for name in names)
    return constants + "".join(each for text in texts for each in INTERFACE.findall(text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("headers", type=Path, nargs="+")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    ffi = FFI()
    ffi.cdef(declarations(arguments.headers))
    includes = "".join(f'#include "{header.name}"\n' for header in arguments.headers)
    ffi.set_source("hectograph._native", includes)
    ffi.emit_c_code(str(arguments.output))


if __name__ == "__main__":
    main()
