# SPDX-License-Identifier: Apache-2.0
"""Which files may be served, whatever is put under their names meanwhile."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hectograph.errors import InvalidInput
from hectograph.library import Roots, measure

PUBLIC = b"for everybody" * 1000
SECRET = b"for root alone" * 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that may be served, beside a file that may not."""
    root = tmp_path / "served"
    (root / "films").mkdir(parents=True)
    (root / "films" / "film").write_bytes(PUBLIC)
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "secret").chmod(0o600)
    return root


async def digest(path: Path, roots: Roots) -> str:
    return (await measure(path, lambda _done, _total: None, roots)).sha256


async def refused(path: Path, roots: Roots) -> str:
    with pytest.raises(InvalidInput) as caught:
        await digest(path, roots)
    assert caught.value.where == str(path)
    return caught.value.message


async def test_a_file_beneath_a_root_is_read(root: Path, tmp_path: Path) -> None:
    expected = hashlib.sha256(PUBLIC).hexdigest()
    (root / "link").symlink_to("films/film")
    (tmp_path / "alias").symlink_to(root)
    for path in (root / "films" / "film", root / "films" / ".." / "link"):
        assert await digest(path, Roots((root,))) == expected
    assert await digest(tmp_path / "alias" / "link", Roots((tmp_path / "alias",))) == expected
    assert await digest(root / "link", Roots((tmp_path / "alias",))) == expected
    assert await digest(root / "link", Roots((Path("/nowhere"), root))) == expected


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/passwd", "/proc/self/environ"])
async def test_another_is_not(root: Path, path: str) -> None:
    assert f"not beneath {root}" in await refused(Path(path), Roots((root,)))


async def test_a_prefix_of_a_name_is_no_folder(root: Path) -> None:
    beside = root.with_name("served-not")
    beside.write_bytes(SECRET)
    assert "not beneath" in await refused(beside, Roots((root,)))


async def test_nothing_leads_out(root: Path, tmp_path: Path) -> None:
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "relative").symlink_to("../secret")
    (root / "folder").symlink_to("..")
    for name in ("absolute", "relative", "folder/secret", "../secret", "films/../../secret"):
        assert f"leads out of {root}" in await refused(root / name, Roots((root,)))


async def test_nothing_leads_to_somebodys_open_file(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        path = Path(f"/proc/self/fd/{descriptor}")
        assert "symbolic links" in await refused(path, Roots.everything())
    finally:
        os.close(descriptor)


async def test_unless_the_operator_says_more_a_file_is_everybodys_already(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    private = root / "private"
    private.write_bytes(SECRET)
    private.chmod(0o640)
    assert await digest(root / "films" / "film", Roots.default())
    assert "not everybody may read it" in await refused(private, Roots.default())
    assert "not beneath" in await refused(Path("/etc/shadow"), Roots.default())
    assert await digest(private, Roots((root,)))


async def test_who_begins_at_the_top_serves_srv_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert "not beneath /srv" in await refused(Path("/etc/passwd"), Roots.default())


@pytest.fixture
def swapping(root: Path, tmp_path: Path) -> Iterator[Path]:
    """A name that is now a file to be served, now a link to one that is not."""
    path, good, bad = root / "name", root / "good", root / "bad"
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            good.write_bytes(PUBLIC)
            good.rename(path)
            bad.symlink_to(tmp_path / "secret")
            bad.rename(path)

    thread = threading.Thread(target=swap)
    thread.start()
    yield path
    done.set()
    thread.join()


async def test_what_is_put_there_meanwhile_is_never_read(swapping: Path, root: Path) -> None:
    found: set[str] = set()
    for _ in range(300):
        with suppress(InvalidInput):
            found.add(await digest(swapping, Roots((root,))))
    assert found <= {hashlib.sha256(PUBLIC).hexdigest()}
