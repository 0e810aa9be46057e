# SPDX-License-Identifier: Apache-2.0
"""From ir.Program to one C file, a subject a module."""

from hectograph.switch.compiler.codegen.emit import DROP_PORT, generate

__all__ = ["DROP_PORT", "generate"]
