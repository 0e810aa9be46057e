# SPDX-License-Identifier: Apache-2.0
"""Where the shared object of a JSON comes from, and what can go wrong on the way."""

import json
import re
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bmv2json import program
from compiled import compiled

from hectograph.errors import InvalidInput, ToolFailure
from hectograph.switch.compiler import build, find_or_build, to_c

SOURCE = json.dumps(program({"h": [("x", 8)]}))
HECTOGRAPH = Path(build.PACKAGE) / "artifacts" / "v1model" / "hectograph.json"
SHIPPED_FLAGS = build.FLAGS
"""As they are before the fixtures make them stricter."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hectograph" / "pipelines"


@pytest.fixture
def counting_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real one, which leaves a line in a file each time it runs."""
    runs = tmp_path / "runs"
    runs.touch()
    _script(tmp_path / "cc", f'echo run >> {runs}\nexec cc "$@"', monkeypatch)
    return runs


def _script(path: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setenv("CC", str(path))


def test_compiled_once(cache: Path, counting_compiler: Path) -> None:
    path = find_or_build(SOURCE)
    assert path.parent == cache
    assert find_or_build(SOURCE.encode()) == path
    assert counting_compiler.read_text() == "run\n"
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert [each.name for each in cache.iterdir()] == [path.name]


def test_the_digest_is_that_of_the_source_and_in_the_object(cache: Path) -> None:
    source = to_c(SOURCE)
    assert re.fullmatch(r"[0-9a-f]{64}", source.digest)
    assert source == to_c(SOURCE)
    assert source.text.splitlines()[0] == f'#define DIGEST "{source.digest}"'
    path = find_or_build(SOURCE)
    assert path == cache / f"{source.digest}.so"
    assert source.digest.encode() in path.read_bytes()


@pytest.mark.usefixtures("cache")
def test_what_is_there_is_found_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    path = find_or_build(SOURCE)
    monkeypatch.setattr(build, "load_program", None)
    assert find_or_build(SOURCE) == path


@pytest.mark.usefixtures("cache")
def test_other_flags_are_another_object(monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_or_build(SOURCE)
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-O1"))
    assert find_or_build(SOURCE) != first


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied"])
@pytest.mark.usefixtures("cache")
def test_a_damaged_object_is_made_again(damage: str) -> None:
    path = find_or_build(SOURCE)
    good = path.read_bytes()
    middle = len(good) // 2
    bad = {
        "truncated": good[:middle],
        "flipped": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "emptied": b"",
    }[damage]
    path.write_bytes(bad)
    assert find_or_build(SOURCE) == path
    assert path.read_bytes() == good


def test_what_others_could_have_written_is_not_loaded(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = find_or_build(SOURCE)
    cache.chmod(0o777)
    second = find_or_build(SOURCE)
    assert second.parent != first.parent
    assert "others may write there" in caplog.text
    cache.chmod(0o700)
    first.chmod(0o666)
    assert find_or_build(SOURCE) == first
    assert stat.S_IMODE(first.stat().st_mode) == 0o600  # made anew


def test_many_builders_at_once(cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(find_or_build, [SOURCE] * 8))
    (path,) = paths
    assert build._intact(path)  # pyright: ignore[reportPrivateUsage]
    assert [each.name for each in cache.iterdir()] == [path.name]
    with compiled(json.loads(SOURCE)) as switch:
        assert switch.payload(b"x") == b"x"


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file stands where the directory should be: true for root too."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    path = find_or_build(SOURCE)
    assert path.is_file()
    assert path.parent != tmp_path
    assert "compiled pipelines cannot be kept in" in caplog.text


def test_nowhere_to_write_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(build.tempfile, "tempdir", str(tmp_path / "file" / "tmp"))
    with pytest.raises(ToolFailure, match="can be written nowhere"):
        find_or_build(SOURCE)


def test_no_compiler(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolFailure, match="apt install gcc libc6-dev"):
        find_or_build(SOURCE)
    monkeypatch.setenv("CC", "nocc -m64")
    with pytest.raises(ToolFailure, match=r"\(nocc\)"):
        find_or_build(SOURCE)
    assert not cache.exists()


def test_any_compiler_of_the_usual_names(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = tmp_path / "bin"
    only.mkdir()
    for name, program_ in (("gcc", "cc"), ("as", "as"), ("ld", "ld")):
        found = shutil.which(program_)
        assert found
        (only / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(only))
    assert find_or_build(SOURCE).parent == cache


def test_the_compilers_words_are_shown_whole(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(tmp_path / "cc", "echo first line >&2\necho second line >&2\nexit 7", monkeypatch)
    with pytest.raises(ToolFailure, match="ended with status 7") as caught:
        find_or_build(SOURCE)
    assert caught.value.output == "first line\nsecond line\n"
    assert not cache.exists()


@pytest.mark.usefixtures("cache")
def test_the_shipped_object_is_taken_where_it_is_of_this_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = find_or_build(SOURCE)
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(build, "SHIPPED", shipped)
    (shipped / "other.so").write_bytes(b"\x7fELF of another program")
    assert find_or_build(SOURCE) == built
    shutil.copy(built, shipped / "mine.so")
    assert find_or_build(SOURCE) == shipped / "mine.so"


def test_hectographs_own_pipeline_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Built with the package: nothing is compiled when the switch starts."""
    monkeypatch.setattr(build, "FLAGS", SHIPPED_FLAGS)
    monkeypatch.setenv("CC", "false")
    path = find_or_build(HECTOGRAPH)
    assert path.parent == build.SHIPPED


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_hectographs_own_pipeline_draws_no_warning(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", compiler)
    assert find_or_build(HECTOGRAPH).parent == tmp_path / "hectograph" / "pipelines"


def test_the_command(tmp_path: Path) -> None:
    """As the build runs it: with the standard library alone."""
    source, output = tmp_path / "in.json", tmp_path / "out.c"
    source.write_text(SOURCE)
    root = build.PACKAGE.parent
    command = [sys.executable, "-I", "-S", "-c", COMMAND, str(root)]
    done = subprocess.run([*command, str(source), "-o", str(output)], check=False)
    assert done.returncode == 0
    assert output.read_text().endswith("};\n")
    source.write_text("{}")
    failed = subprocess.run(
        [*command, str(source), "-o", str(output)], check=False, capture_output=True, text=True
    )
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "standard_metadata" in failed.stderr


COMMAND = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("hectograph.switch.compiler", run_name="__main__")
"""


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("]")
    with pytest.raises(InvalidInput, match=re.escape(str(bad))):
        find_or_build(bad)
