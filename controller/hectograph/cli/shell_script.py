# SPDX-License-Identifier: Apache-2.0
"""Run by the shell's own interpreter: CODE among the names that its prompt has.

python shell_script.py CODE [p4runtime-shell's arguments]
"""

import sys
import traceback
from typing import Any

from p4runtime_sh import shell  # pyright: ignore


def main() -> int:
    code = compile(sys.argv.pop(1), "<hectograph shell>", "exec")
    failed = False

    def execute(*, user_ns: dict[str, Any], **_: object) -> None:
        """In place of the prompt; p4runtime-shell closes its connection when this returns."""
        nonlocal failed
        try:
            exec(code, user_ns)  # noqa: S102
        except Exception:
            traceback.print_exc()
            failed = True

    shell.start_ipython = execute
    shell.main()  # pyright: ignore
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
