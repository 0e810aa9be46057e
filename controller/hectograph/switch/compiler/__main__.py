# SPDX-License-Identifier: Apache-2.0
"""python -m hectograph.switch.compiler IN.json -o OUT.c"""

import argparse
import sys
from pathlib import Path

from hectograph.errors import HectographError
from hectograph.switch.compiler.build import to_c


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="hectograph.switch.compiler", description="Compile a BMv2 JSON (v1model) to C."
    )
    parser.add_argument("json", type=Path, help="what p4c-bm2-ss wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the C file to write")
    arguments = parser.parse_args()
    try:
        source = to_c(arguments.json.read_bytes(), str(arguments.json))
        arguments.output.write_text(source.text)
    except (HectographError, OSError) as error:
        print(f"hectograph.switch.compiler: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
