# SPDX-License-Identifier: Apache-2.0
"""The embedded switch: a BMv2 JSON compiled to C, on Linux interfaces, behind P4Runtime.

`compiler/` needs the standard library alone, because the build runs it from the
source tree; so nothing is imported here.
"""
