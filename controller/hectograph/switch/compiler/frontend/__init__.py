# SPDX-License-Identifier: Apache-2.0
"""From a BMv2 JSON to ir.Program: everything is checked here, or refused by name.

The format is described in behavioral-model's docs/JSON_format.md (2.24); where it is
silent, simple_switch's own reading of it decides.
"""

from hectograph.switch.compiler.frontend.program import load_program

__all__ = ["load_program"]
