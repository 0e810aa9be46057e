# SPDX-License-Identifier: Apache-2.0
"""C identifiers, strings and comments out of P4 names."""

import re

_KEYWORDS = """
auto bool break case char const continue default do double else enum extern false float for
goto if inline int long register restrict return short signed sizeof static struct switch true
typedef union unsigned void volatile while asm typeof linux unix
"""


class Names:
    """Hands out identifiers that are unique among those it has handed out."""

    def __init__(self, *reserved: str) -> None:
        self._taken = {*_KEYWORDS.split(), *reserved}

    def make(self, name: str, prefix: str = "") -> str:
        stem = prefix + (re.sub(r"\W", "_", name, flags=re.ASCII) or "_")
        if stem[0].isdigit() or stem.startswith("__"):
            stem = f"n{stem}"
        if len(stem) > 1 and stem.isupper():
            stem += "_"  # NULL, UINT8_MAX and their like are macros
        candidate, number = stem, 0
        while candidate in self._taken:
            number += 1
            candidate = f"{stem}_{number}"
        self._taken.add(candidate)
        return candidate


def c_string(text: str) -> str:
    """A C string literal; trigraphs cannot arise, since '?' is escaped."""
    parts = [
        chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode(errors="replace")
    ]
    return '"' + "".join(parts) + '"'


def c_comment(text: str) -> str:
    """Text that can stand in a C comment whatever a P4 file is called."""
    plain = "".join(c if " " <= c <= "~" and c not in "\\?" else "_" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *")
