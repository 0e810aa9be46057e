# SPDX-License-Identifier: Apache-2.0
"""A switch whose worker never runs: frames go in and come out in memory, one at a time."""

from typing import Any

from hectograph import _native
from hectograph.switch.native import Switch

ffi: Any = _native.ffi
lib: Any = _native.lib


class StillSwitch(Switch):
    def inject(self, port: int, frame: bytes) -> list[tuple[int, bytes]]:
        """What comes out, by port, for a frame that goes into one."""
        outputs: list[tuple[int, bytes]] = []

        def take(_: Any, out_port: int, data: Any, length: int) -> None:
            outputs.append((out_port, bytes(ffi.buffer(data, length))))

        callback = ffi.callback("hg_output_fn", take)
        result = lib.hg_switch_inject(self._switch, port, frame, len(frame), callback, ffi.NULL)
        assert result >= 0, f"errno {-result}"
        return outputs
