# SPDX-License-Identifier: Apache-2.0
"""Where Hectograph keeps its files: the XDG base directories, or the system's for root."""

import os
from pathlib import Path


def runtime_dir() -> Path:
    """Sockets and FIFOs: gone after a reboot."""
    return _directory("XDG_RUNTIME_DIR", f"/tmp/hectograph-{os.getuid()}", "/run/hectograph")  # noqa: S108


def state_dir() -> Path:
    """The controller's database."""
    return _directory("XDG_STATE_HOME", "~/.local/state/hectograph", "/var/lib/hectograph")


def data_dir() -> Path:
    """What can be made again, but not quickly: the shell's environment."""
    return _directory("XDG_DATA_HOME", "~/.local/share/hectograph", "~/.local/share/hectograph")


def pusher_socket() -> Path:
    """The pusher's control socket, unless it was told otherwise."""
    return runtime_dir() / "pusher.sock"


def _directory(variable: str, for_user: str, for_root: str) -> Path:
    if base := os.environ.get(variable):
        return Path(base) / "hectograph"
    return Path(for_root if os.getuid() == 0 else for_user).expanduser()
