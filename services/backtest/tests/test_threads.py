"""Work in threads that nobody waits for at the end."""

import asyncio
import subprocess
import sys
import threading

import pytest

from services.backtest.threads import in_thread


async def test_what_is_returned_comes_back_from_another_thread() -> None:
    """With its arguments, and without stopping the loop."""
    release = threading.Event()

    def work(first: int, *, second: int) -> tuple[int, bool]:
        release.wait(5)
        return first + second, threading.current_thread() is threading.main_thread()

    result = asyncio.create_task(in_thread(work, 1, second=2))
    await asyncio.sleep(0)
    release.set()
    assert await result == (3, False)


async def test_what_is_raised_is_raised_here() -> None:
    """As it was."""

    def work() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await in_thread(work)


async def test_a_cancelled_wait_ends_at_once() -> None:
    """And what the thread comes to later disturbs nobody."""
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(5)
        done.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await asyncio.to_thread(done.wait, 5)
    await asyncio.sleep(0)


def test_a_process_does_not_wait_for_its_threads() -> None:
    """One that stops in the middle of a kernel is gone at once."""
    code = """
import asyncio, threading
from services.backtest.threads import in_thread
async def main():
    task = asyncio.create_task(in_thread(threading.Event().wait))
    await asyncio.sleep(0.05)
    task.cancel()
asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
