"""The object store, on a local folder."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.contracts.errors import NotFound, Unavailable
from shared.runtime.environment import SettingsError
from shared.runtime.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """An empty store in a folder with a name that a URL must quote."""
    return Objects((tmp_path / "a folder & more").as_uri())


def files(objects: Objects) -> list[Path]:
    """Return every file of the store, unfinished ones too."""
    assert objects.folder is not None
    return [path for path in objects.folder.rglob("*") if path.is_file()]


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    """Yield chunks as an upload does."""
    for chunk in chunks:
        yield chunk


async def test_what_is_put_is_got(objects: Objects) -> None:
    """Byte for byte, under keys of several parts."""
    await objects.put("replies/one", b"\x00\xff" * 100_000)
    await objects.put("empty", b"")
    assert await objects.get("replies/one") == b"\x00\xff" * 100_000
    assert await objects.get("empty") == b""


async def test_a_file_can_be_put(objects: Objects, tmp_path: Path) -> None:
    """Its content, from wherever it lies."""
    (tmp_path / "bars.csv").write_bytes(b"1,2,3\n")
    await objects.put("datasets/1", tmp_path / "bars.csv")
    assert await objects.get("datasets/1") == b"1,2,3\n"


async def test_a_stream_is_put_whole(objects: Objects) -> None:
    """More than fits one part of a multipart upload, less, and nothing at all."""
    large = [bytes([number]) * 3_000_000 for number in range(5)]
    await objects.put_stream("large", pieces(*large))
    await objects.put_stream("small", pieces(b"a", b"", b"b"))
    await objects.put_stream("none", pieces())
    assert await objects.get("large") == b"".join(large)
    assert await objects.get("small") == b"ab"
    assert await objects.get("none") == b""


async def test_a_stream_that_breaks_leaves_nothing(objects: Objects) -> None:
    """The upload's own error comes out, what was there stays, and no half of a file lies about."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 12_000_000
        raise LookupError("the client went away")

    await objects.put("kept", b"before")
    with pytest.raises(LookupError, match="went away"):
        await objects.put_stream("kept", broken())
    assert await objects.get("kept") == b"before"
    assert [path.name for path in files(objects)] == ["kept"]


async def test_a_replacement_is_all_or_nothing(objects: Objects) -> None:
    """A reader finds the old content or the new, never a mixture or a gap."""
    versions = [bytes([number]) * 200_000 for number in range(10)]
    await objects.put("busy", versions[0])
    writing = asyncio.create_task(put_all(objects, versions))
    while not writing.done():
        assert await objects.get("busy") in versions
    await writing
    assert await objects.get("busy") == versions[-1]


async def put_all(objects: Objects, versions: list[bytes]) -> None:
    """Store one version over the other."""
    for version in versions:
        await objects.put("busy", version)


async def test_a_missing_object_is_not_found(objects: Objects) -> None:
    """Which is not the same as a store that does not answer."""
    with pytest.raises(NotFound, match="no object nowhere/at-all"):
        await objects.get("nowhere/at-all")


async def test_deleting_makes_it_gone(objects: Objects) -> None:
    """Twice is no error: a repeated request must not fail."""
    await objects.put("once", b"1")
    await objects.delete("once")
    await objects.delete("once")
    with pytest.raises(NotFound):
        await objects.get("once")


async def test_a_store_that_fails_is_unavailable(objects: Objects) -> None:
    """Here the place of the object's folder is taken by a file."""
    await objects.put("taken", b"1")
    with pytest.raises(Unavailable):
        await objects.put("taken/below", b"2")
    with pytest.raises(Unavailable):
        await objects.put_stream("taken/below", pieces(b"2"))


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/../outside"])
async def test_a_key_cannot_leave_the_folder(objects: Objects, tmp_path: Path, key: str) -> None:
    """No service makes such a key; one that would is stopped."""
    with pytest.raises(ValueError, match=r"\.\."):
        await objects.put(key, b"1")
    with pytest.raises(ValueError, match=r"\.\."):
        await objects.get(key)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/folder", "s3://"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    """One sentence with the variable's name and what it may hold."""
    with pytest.raises(SettingsError, match=r"^OBJECT_STORE_URL must be file:///") as raised:
        Objects(url)
    assert "\n" not in str(raised.value)


async def test_all_under_a_prefix_is_deleted(objects: Objects) -> None:
    """More than one listing holds, in folders of folders, and nothing beside; once more is no error."""
    for number in range(120):
        await objects.put(f"results/one/{number % 3}/{number}", b"x")
    await objects.put("results/one more", b"y")
    for _ in range(2):
        await objects.delete_all("results/one/")
        assert [path.name for path in files(objects)] == ["one more"]
