"""Further copies of a process."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.contracts.errors import Unavailable
from shared.runtime.children import Children
from shared.runtime.connecting import CannotStart
from shared.runtime.health import StillStarting
from shared.runtime.tests.eventually import eventually
from tests.seconds import allowed

pytestmark = pytest.mark.integration

CHILD = "shared.runtime.tests.child_process"
ROOT = Path(__file__).parents[3]
# Two busy cores can take seconds to start an interpreter.
START = 20.0


def alive(folder: Path) -> set[int]:
    """Return the children that run, of those that ever left their file."""
    return {int(path.name) for path in folder.iterdir() if path.name.isdigit() and runs(int(path.name))}


def runs(pid: int) -> bool:
    """Say whether there is such a process, other than a dead one that waits for its parent's notice."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@contextlib.asynccontextmanager
async def running(children: Children) -> AsyncIterator[None]:
    """Run them for a while."""
    keeping = asyncio.create_task(children.run())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def passes(children: Children) -> bool:
    """Say whether the check passes."""
    try:
        await children.check()
    except Unavailable:
        return False
    return True


async def fails(children: Children) -> bool:
    """Say whether the check fails."""
    return not await passes(children)


async def says(children: Children, detail: str) -> bool:
    """Say whether the check fails with this sentence."""
    try:
        await children.check()
    except Unavailable as error:
        return error.detail == detail
    return False


async def test_a_child_is_up_when_it_says_so(tmp_path: Path) -> None:
    """Not before, however long it runs; what it has to do first is told to who asks, and not as news."""
    children = Children(CHILD, 1, {"PIDS": str(tmp_path)})
    (tmp_path / "cannot-work").touch()
    with pytest.raises(StillStarting, match=f"^0 of 1 processes of {CHILD} are up$"):
        await children.check()
    async with running(children):
        await eventually(lambda: says(children, f"0 of 1 processes of {CHILD} are up: warming up"), within=START)
        (tmp_path / "cannot-work").unlink()
        os.kill(max(alive(tmp_path)), signal.SIGKILL)
        await eventually(lambda: says(children, f"0 of 1 processes of {CHILD} are up"), within=START)
        await eventually(lambda: passes(children), within=START)


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    """However it died; its sister is left alone, and the check fails until its successor says that it works."""
    children = Children(CHILD, 2, {"PIDS": str(tmp_path)})
    async with running(children):
        await eventually(lambda: passes(children), within=START)
        first = alive(tmp_path)
        victim = min(first)
        os.kill(victim, signal.SIGKILL)
        await eventually(lambda: says(children, f"1 of 2 processes of {CHILD} are up"), within=2)
        await eventually(lambda: started(tmp_path, 2), within=START)
        await eventually(lambda: passes(children), within=START)
        assert alive(tmp_path) & first == first - {victim}


async def test_a_child_that_starts_and_cannot_work_is_not_up(tmp_path: Path) -> None:
    """One that dies at every start is there for most of the time, and still nothing gets done."""
    children = Children(CHILD, 2, {"PIDS": str(tmp_path)})
    async with running(children):
        await eventually(lambda: passes(children), within=START)
        first = alive(tmp_path)
        (tmp_path / "cannot-work").touch()
        os.kill(min(first), signal.SIGKILL)
        await eventually(lambda: fails(children), within=2)
        await eventually(lambda: started(tmp_path, 2), within=START)
        assert not await passes(children)
        (tmp_path / "cannot-work").unlink()
        (useless,) = alive(tmp_path) - first
        os.kill(useless, signal.SIGKILL)
        await eventually(lambda: passes(children), within=START)


async def test_an_error_before_any_has_worked_gives_all_up(tmp_path: Path) -> None:
    """When it is asked for: what ended the first would end the next, and who waits hears it at once."""
    (tmp_path / "cannot-start").touch()
    children = Children(CHILD, 2, {"PIDS": str(tmp_path)}, first_must_work=True)
    with pytest.raises(CannotStart, match=f"no process of {CHILD} can start"):
        await asyncio.wait_for(children.run(), allowed(START))
    assert alive(tmp_path) == set()


async def test_a_child_killed_before_any_has_worked_has_a_successor(tmp_path: Path) -> None:
    """A signal says nothing about the next."""
    (tmp_path / "cannot-work").touch()
    children = Children(CHILD, 1, {"PIDS": str(tmp_path)}, first_must_work=True)
    async with running(children):
        await eventually(lambda: started(tmp_path, 1), within=START)
        (tmp_path / "cannot-work").unlink()
        os.kill(max(alive(tmp_path)), signal.SIGKILL)
        await eventually(lambda: passes(children), within=START)


async def test_an_error_after_one_has_worked_gives_nothing_up(tmp_path: Path) -> None:
    """The next is tried until one can start again."""
    children = Children(CHILD, 1, {"PIDS": str(tmp_path)}, first_must_work=True)
    async with running(children):
        await eventually(lambda: passes(children), within=START)
        (tmp_path / "cannot-start").touch()
        os.kill(max(alive(tmp_path)), signal.SIGKILL)
        await eventually(lambda: ended(tmp_path, 2), within=START)
        (tmp_path / "cannot-start").unlink()
        await eventually(lambda: passes(children), within=START)


async def test_a_child_that_was_told_to_stop_is_not_started_again(tmp_path: Path) -> None:
    """Before the rest of the process stops: what the children hand back is free while it finishes its own."""
    children = Children(CHILD, 2, {"PIDS": str(tmp_path)})
    async with running(children):
        await eventually(lambda: started(tmp_path, 2), within=START)
        await children.stop()
        assert alive(tmp_path) == set()
        await asyncio.sleep(0)
        await children.check()


async def test_a_stop_ends_every_child(tmp_path: Path) -> None:
    """By SIGTERM, which they get time to obey."""
    async with running(Children(CHILD, 2, {"PIDS": str(tmp_path)})):
        await eventually(lambda: started(tmp_path, 2), within=START)
    assert alive(tmp_path) == set()


async def test_a_child_that_does_not_obey_is_killed(tmp_path: Path) -> None:
    """So that a stop ends in bounded time."""
    async with running(Children(CHILD, 1, {"PIDS": str(tmp_path), "STUBBORN": "1"}, stop_seconds=0.2)):
        await eventually(lambda: started(tmp_path, 1), within=START)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < allowed(2)
    assert alive(tmp_path) == set()


async def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    """It can tell them nothing any more; the pipe from it closes."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shared.runtime.tests.parent_process", cwd=ROOT, env={**os.environ, "PIDS": str(tmp_path)}
    )
    await eventually(lambda: started(tmp_path, 2), within=START)
    parent.kill()
    await parent.wait()

    async def none() -> bool:
        return alive(tmp_path) == set()

    await eventually(none)


async def started(folder: Path, number: int) -> bool:
    """Say whether so many children run."""
    return len(alive(folder)) == number


async def ended(folder: Path, number: int) -> bool:
    """Say whether so many children have run and run no more."""
    return sum(path.name.isdigit() for path in folder.iterdir()) - len(alive(folder)) >= number
