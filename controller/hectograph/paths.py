# SPDX-License-Identifier: Apache-2.0
"""Where Hectograph keeps its files: the XDG base directories, or the system's for root."""

import os
from pathlib import Path

from hectograph.errors import Unavailable

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
PRIVATE_UMASK = 0o077


def runtime_dir() -> Path:
    """Sockets and FIFOs. Never in /tmp, where anyone could have made it first."""
    return _directory("XDG_RUNTIME_DIR", "~/.local/state/hectograph/run", "/run/hectograph")


def state_dir() -> Path:
    """The controller's database."""
    return _directory("XDG_STATE_HOME", "~/.local/state/hectograph", "/var/lib/hectograph")


def data_dir() -> Path:
    """What can be made again, but not quickly: the shell's environment."""
    return _directory("XDG_DATA_HOME", "~/.local/share/hectograph", "~/.local/share/hectograph")


def pusher_socket() -> Path:
    """The pusher's control socket, unless it was told otherwise."""
    return runtime_dir() / "pusher.sock"


def switch_socket() -> Path:
    """Where ``up`` has its switch serve P4Runtime."""
    return runtime_dir() / "switch.sock"


def make_private(directory: Path) -> None:
    """A directory that nobody else may use. One that is there already and not Hectograph's
    own is left as it is: it may be anybody's."""
    try:
        directory.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        if directory in (runtime_dir(), state_dir()):
            directory.chmod(PRIVATE_DIRECTORY)
    except OSError as error:
        raise Unavailable(f"cannot be made: {error.strerror}", where=str(directory)) from error


def _directory(variable: str, for_user: str, for_root: str) -> Path:
    if base := os.environ.get(variable):
        return Path(base) / "hectograph"
    return Path(for_root if os.getuid() == 0 else for_user).expanduser()
