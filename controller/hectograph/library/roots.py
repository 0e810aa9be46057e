# SPDX-License-Identifier: Apache-2.0
"""Which files may be served: those that lie beneath a folder of the operator's choice."""

import ctypes
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from hectograph.errors import InvalidInput, Unavailable

_OPENAT2 = 437
"""Its number on every architecture (include/uapi/asm-generic/unistd.h); since Linux 5.6."""
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_ATTEMPTS = 16
"""Something may be renamed while it is resolved: EAGAIN, openat2(2)."""

# A FIFO without a writer would hold up the thread for ever.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_SRV = Path("/srv")


class _OpenHow(ctypes.Structure):
    """struct open_how, include/uapi/linux/openat2.h."""

    _fields_: ClassVar = [
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    ]


@dataclass(frozen=True, slots=True)
class Roots:
    paths: tuple[Path, ...]
    public_only: bool = False
    """Of the files beneath, those that everybody on the machine may read anyway."""

    @classmethod
    def everything(cls) -> Self:
        return cls((Path("/"),))

    @classmethod
    def default(cls) -> Self:
        """Where the operator began, and where systems keep what they serve (FHS 3.17)."""
        here = Path.cwd()
        return cls((_SRV,) if here == Path("/") else (here, _SRV), public_only=True)

    def open(self, path: Path) -> int:
        """A descriptor of the file, which nobody can put another one in place of. InvalidInput:
        it may not be served, or cannot be read."""
        where = str(path)
        root, rest = self._find(path)
        try:
            descriptor = _open_beneath(root, rest)
        except (OSError, ValueError) as error:
            raise InvalidInput(_reason(error, root), where=where) from error
        if self.public_only and not os.fstat(descriptor).st_mode & stat.S_IROTH:
            os.close(descriptor)
            raise InvalidInput(
                "not everybody may read it, and no --content-root says that it may be served",
                where=where,
            )
        return descriptor

    def _find(self, path: Path) -> tuple[Path, Path]:
        for root in self.paths:
            for form in (root, root.resolve()):
                if path.is_relative_to(form):
                    return form, path.relative_to(form)
        allowed = ", ".join(map(str, self.paths))
        raise InvalidInput(f"may not be served: it is not beneath {allowed}", where=str(path))


def _open_beneath(root: Path, rest: Path) -> int:
    resolve = _RESOLVE_NO_MAGICLINKS
    if root != Path("/"):  # all is beneath it, by absolute symlinks too
        resolve |= _RESOLVE_BENEATH
    name = os.fsencode(rest)
    if b"\0" in name:
        raise ValueError("embedded null byte")
    directory = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _openat2(directory, name, _OpenHow(_FLAGS, 0, resolve))
    finally:
        os.close(directory)


def _openat2(directory: int, name: bytes, how: _OpenHow) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    number = errno.EAGAIN
    for _ in range(_ATTEMPTS):
        descriptor = libc.syscall(_OPENAT2, directory, name, ctypes.byref(how), size)
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    if number == errno.ENOSYS:
        raise Unavailable("opening files needs openat2(2), of Linux 5.6 or newer")
    raise OSError(number, os.strerror(number))


def _reason(error: OSError | ValueError, root: Path) -> str:
    if isinstance(error, OSError) and error.errno == errno.EXDEV:
        return f"may not be served: it leads out of {root}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
