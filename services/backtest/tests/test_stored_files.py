"""Files of a result are stored all, or none stays."""

import asyncio
from pathlib import Path

import pytest

from services.backtest.stored_files import store_files
from services.backtest.tests.steps import files_of
from shared.contracts.errors import Unavailable
from shared.runtime.objects import Objects


class Slow(Objects):
    """Stores when it is told to, and refuses one key."""

    def __init__(self, url: str, refused: str = "") -> None:
        super().__init__(url)
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self._refused = refused

    async def put(self, key: str, content: bytes | Path) -> None:
        """Wait, then store or refuse."""
        self.asked.set()
        await self.go_on.wait()
        if key == self._refused:
            raise Unavailable("away")
        await super().put(key, content)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two files to be stored."""
    file = tmp_path / "one"
    file.write_bytes(b"1")
    return {"results/run/1/one": file, "results/run/1/other": file}


async def test_all_are_stored(tmp_path: Path, files: dict[str, Path]) -> None:
    """Each under its key."""
    objects = Slow((tmp_path / "objects").as_uri())
    objects.go_on.set()
    await store_files(objects, files)
    assert files_of(objects) == ["one", "other"]


async def test_when_one_is_refused_none_stays(tmp_path: Path, files: dict[str, Path]) -> None:
    """What was stored before it is deleted."""
    objects = Slow((tmp_path / "objects").as_uri(), "results/run/1/other")
    objects.go_on.set()
    with pytest.raises(Unavailable):
        await store_files(objects, files)
    assert files_of(objects) == []


async def test_what_is_not_wanted_any_more_does_not_stay(tmp_path: Path, files: dict[str, Path]) -> None:
    """Although the store has been given it already, and only then does it."""
    objects = Slow((tmp_path / "objects").as_uri())
    storing = asyncio.create_task(store_files(objects, files))
    await objects.asked.wait()
    storing.cancel()
    await asyncio.sleep(0)
    objects.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await storing
    assert files_of(objects) == []
