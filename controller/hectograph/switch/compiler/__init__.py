# SPDX-License-Identifier: Apache-2.0
"""The embedded switch's compiler: a BMv2 JSON (v1model) to a shared object.

`frontend` reads and checks the JSON, `ir` is what it makes of it, `codegen` writes C
that includes host/switch/pipeline.h, `build` runs the C compiler and keeps the results.
What a program asks for and this cannot do is refused by name, here and never at
packet time. The standard library is all it needs: the build runs it too.
"""

from hectograph.switch.compiler.build import Source, find_or_build, to_c
from hectograph.switch.compiler.codegen import DROP_PORT

__all__ = ["DROP_PORT", "Source", "find_or_build", "to_c"]
