# SPDX-License-Identifier: Apache-2.0
"""Take this process out of the machine's network, so that nothing it builds can outlive it.

Everything hangs on namespaces without a name: the kernel frees them with their
last process. An ordinary user gets them through a user namespace.
"""

import errno
import os
import pickle
import select
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from hectograph.errors import HectographError, Unavailable
from hectograph.testbed import syscalls

PRIVATE_DIRECTORY = Path("/run")
"""Empty and private to an isolated process: sockets, databases and logs go here."""

REMEDY_AS_ROOT = "the container lacks CAP_SYS_ADMIN (docker run --privileged gives it)"
REMEDY_AS_USER = (
    "run it as root, or allow user namespaces with sysctl -w"
    " kernel.unprivileged_userns_clone=1 (Debian) or"
    " kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)"
)

REMEDY_IN_CHROOT = "a chroot has to be a mount: mount --bind DIRECTORY DIRECTORY before chroot"

MOUNT_FLAGS = syscalls.MS_NOSUID | syscalls.MS_NODEV

_isolated_pid: int | None = None


def isolate() -> None:
    """Give the calling process its own network and /run; call it before any thread starts.

    Idempotent. Raises Unavailable, naming the remedy, where the system forbids it.
    """
    global _isolated_pid
    if _isolated_pid == os.getpid():
        return
    _enter_namespaces(syscalls.CLONE_NEWNET | syscalls.CLONE_NEWNS)
    _isolated_pid = os.getpid()


def run_isolated(main: Callable[[], int]) -> int:
    """Run `main` isolated, in a child that leads a process namespace.

    Returns its exit status, and raises its HectographError. Every descendant of the
    child dies with it, and it dies with the caller, whatever kills that. Ctrl-C
    reaches the child from the terminal; a SIGTERM is handed on.
    """
    _enter_namespaces(syscalls.CLONE_NEWNET | syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID)
    alive, keep_open = os.pipe()
    raised, raise_here = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(keep_open)
        os._exit(_lead(alive, raise_here, main))
    os.close(alive)
    os.close(raise_here)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    handlers = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, hand_on),
    }
    try:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with os.fdopen(raised, "rb") as pipe:
            if pickled := pipe.read():
                raise pickle.loads(pickled)  # noqa: S301  our own child wrote it
        return status if status >= 0 else 128 - status
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(keep_open)


def _lead(alive: int, raise_there: int, main: Callable[[], int]) -> int:
    """Process 1 of the new namespace."""
    global _isolated_pid
    syscalls.set_parent_death_signal(signal.SIGKILL)
    if select.select([alive], [], [], 0)[0]:
        return 1  # the parent died before the line above: its end of the pipe is closed
    _isolated_pid = os.getpid()
    _mount_if_allowed("proc", "/proc")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except HectographError as error:
        os.write(raise_there, pickle.dumps(error))
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _enter_namespaces(flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    try:
        if uid == 0:
            syscalls.unshare(flags)
        else:
            syscalls.unshare(flags | syscalls.CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
            Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        # Without this, what is mounted here would also appear outside.
        syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        syscalls.mount("hectograph", str(PRIVATE_DIRECTORY), "tmpfs", MOUNT_FLAGS)
    except OSError as error:
        remedy = REMEDY_AS_ROOT if uid == 0 else REMEDY_AS_USER
        if error.errno == errno.EINVAL:
            remedy = REMEDY_IN_CHROOT
        raise Unavailable(f"no network namespace of our own: {error.strerror}; {remedy}") from error
    _mount_if_allowed("sysfs", "/sys")  # its class/net shows the namespace that mounted it


def _mount_if_allowed(filesystem: str, target: str) -> None:
    """Some containers forbid it; what was mounted there stays, and serves."""
    with suppress(OSError):
        syscalls.mount(filesystem, target, filesystem, MOUNT_FLAGS | syscalls.MS_NOEXEC)
