# SPDX-License-Identifier: Apache-2.0
"""From a JSON to a shared object: shipped with the package, cached, or compiled now."""

import atexit
import errno
import hashlib
import logging
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hectograph.errors import InvalidInput, ToolFailure
from hectograph.switch.compiler.codegen import DROP_PORT, generate
from hectograph.switch.compiler.frontend import load_program

log = logging.getLogger(__name__)

FLAGS = ("-std=c17", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra")
"""Without -Werror: what a newer compiler has to say must not stop a switch. The tests add it."""

_UNNAMED = "the pipeline's JSON"

HEADERS = ("pipeline.h", "pipeline_ops.h", "pipeline_hash.h")
PACKAGE = Path(__file__).parents[2]
SHIPPED = PACKAGE / "pipelines"


@dataclass(frozen=True, slots=True)
class Source:
    """A program in C, and the digest that its shared object is known by."""

    text: str
    digest: str


def to_c(
    json: str | bytes, name: str = _UNNAMED, *, traced: bool = False, drop_port: int = DROP_PORT
) -> Source:
    """Compile to C; `traced`: to a program that says what it does."""
    try:
        text = generate(load_program(json, name), traced=traced, drop_port=drop_port)
    except RecursionError:
        raise InvalidInput("an expression is nested too deeply", where=name) from None
    digest = _digest(json, traced=traced, drop_port=drop_port)
    return Source(f'#define DIGEST "{digest}"\n{text}', digest)


def find_or_build(
    json: str | bytes | Path, *, traced: bool = False, drop_port: int = DROP_PORT
) -> Path:
    """The shared object of a BMv2 JSON. It blocks: the first time, for as long as cc takes."""
    text, name = (json.read_bytes(), str(json)) if isinstance(json, Path) else (json, _UNNAMED)
    digest = _digest(text, traced=traced, drop_port=drop_port)
    return (
        _shipped(digest)
        or _cached(digest)
        or _built(to_c(text, name, traced=traced, drop_port=drop_port))
    )


def _digest(json: str | bytes, *, traced: bool, drop_port: int) -> str:
    """Of all that decides what the shared object does.

    The C is not among it, but what it is made of: to find an object, nothing is compiled.
    """
    parts = [json.encode() if isinstance(json, str) else json, b"traced" if traced else b""]
    parts.append(str(drop_port).encode())
    parts += [(header_directory() / each).read_bytes() for each in HEADERS]
    parts += [flag.encode() for flag in FLAGS]
    digest = hashlib.sha256(_OWN_SOURCE)
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _own_source() -> bytes:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


_OWN_SOURCE = _own_source()
"""A digest of the compiler, taken as it is imported: what is installed later is another one."""


def header_directory() -> Path:
    """Installed, they lie in the package; in the source tree, with the runtime."""
    for directory in (PACKAGE / "include", PACKAGE.parents[1] / "host" / "switch"):
        if all((directory / each).is_file() for each in HEADERS):
            return directory
    raise ToolFailure(f"the headers {' and '.join(HEADERS)} are not installed", where=str(PACKAGE))


def _shipped(digest: str) -> Path | None:
    """The one that was built with the package, if it is of this very source."""
    for path in sorted(SHIPPED.glob("*.so")):
        if digest.encode() in path.read_bytes():
            return path
    return None


def _cached(digest: str) -> Path | None:
    path = _cache_path(digest)
    return path if _intact(path) else None


def _built(source: Source) -> Path:
    cached = _cache_path(source.digest)
    try:
        content = _compile(source)
        try:
            return _keep(content, cached)
        except OSError as error:
            log.warning(
                "compiled pipelines cannot be kept in %s: %s", cached.parent, error.strerror
            )
        return _keep(content, _fallback_directory() / cached.name)
    except OSError as error:
        raise ToolFailure(
            f"a compiled pipeline can be written nowhere: {error.strerror}", where=error.filename
        ) from error


def _cache_path(digest: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    caches = Path(base) if base else Path("~/.cache").expanduser()
    return caches / "hectograph" / "pipelines" / f"{digest}.so"


@cache
def _fallback_directory() -> Path:
    """For this process, which removes it when it ends."""
    directory = tempfile.mkdtemp(prefix="hectograph-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory)


def _intact(path: Path) -> bool:
    """A cached file ends in the SHA-256 of what precedes it; ELF does not mind.

    What it holds will run in the switch: one that others could have written is none.
    """
    try:
        if not (_ours_alone(path) and _ours_alone(path.parent)):
            return False
        content = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content[:-32]).digest() == content[-32:]


def _ours_alone(path: Path) -> bool:
    status = path.stat()
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid in (0, os.geteuid()) and not others_write


def _keep(content: bytes, target: Path) -> Path:
    """Renamed into place whole: several builders at once all leave a good file."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _ours_alone(target.parent):
        raise PermissionError(errno.EPERM, "others may write there", str(target.parent))
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".so", dir=target.parent)
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + hashlib.sha256(content).digest())
        scratch.replace(target)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
    return target


def _compile(source: Source) -> bytes:
    with tempfile.TemporaryDirectory(prefix="hectograph-") as scratch:
        output = Path(scratch) / "pipeline.so"
        options = [*FLAGS, f"-I{header_directory()}", "-x", "c", "-", "-o", str(output)]
        command = [*_compiler(), *options]
        try:
            done = subprocess.run(
                command, input=source.text, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise _no_compiler(command[0]) from error
        if done.returncode:
            raise ToolFailure(
                f"the C compiler ended with status {done.returncode}",
                where=shlex.join(command),
                output=done.stderr or done.stdout,
            )
        return output.read_bytes()


def _compiler() -> list[str]:
    if chosen := shlex.split(os.environ.get("CC", "")):
        return chosen
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise _no_compiler("cc, gcc, clang")


def _no_compiler(tried: str) -> ToolFailure:
    return ToolFailure(
        f"no C compiler found ({tried}): install one (apt install gcc libc6-dev) or set CC"
    )
