"""Objects lent as files, whatever kind of store they are in."""

from pathlib import Path

import pytest

from shared.contracts.errors import NotFound
from shared.runtime.objects import Objects


@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_an_object_is_lent_as_a_file(kind: str, tmp_path: Path) -> None:
    """In a folder it is the object itself; elsewhere a copy, which is gone afterwards."""
    objects = Objects(tmp_path.as_uri() if kind == "folder" else "memory:///")
    content = bytes(range(256)) * 10_000
    await objects.put("a/key", content)
    async with objects.as_file("a/key") as path:
        assert path.read_bytes() == content
    assert path.exists() is (kind == "folder")


@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_an_object_that_is_not_there_is_not_found(kind: str, tmp_path: Path) -> None:
    """In every store alike."""
    objects = Objects(tmp_path.as_uri() if kind == "folder" else "memory:///")
    with pytest.raises(NotFound):
        async with objects.as_file("a/key"):
            raise AssertionError("there is nothing to lend")
