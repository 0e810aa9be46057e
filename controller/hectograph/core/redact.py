# SPDX-License-Identifier: Apache-2.0
"""Text that people see, without the credentials of URLs in it."""

import re

_USERINFO = re.compile(r"(?<=://)[^\s/?#]*@")
"""RFC 3986, 3.2.1; a user's name alone can be a token."""


def redact(text: str) -> str:
    return _USERINFO.sub("***@", text)
