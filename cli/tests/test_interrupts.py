"""Whoever ends a program, it ends as by Ctrl-C."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator

import pytest
import uvloop

from cli.interrupts import interrupted_by_signals

ENDS = [signal.SIGTERM, signal.SIGHUP]
Run = Callable[[Coroutine[object, object, None]], None]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What these tests change of signals is as it was."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, *ENDS)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDS)
def test_each_is_an_interrupt(number: signal.Signals) -> None:
    """Within; outside it does what it did before."""
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_what_was_ignored_from_the_beginning_is_ignored() -> None:
    """As nohup has it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interrupted_by_signals():
        signal.raise_signal(signal.SIGHUP)


@pytest.mark.parametrize("in_background", [False, True])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_asyncio_runs_is_undone_to_its_end(run: Run, in_background: bool) -> None:
    """All of it, with what has to be waited for; also in the background, where Ctrl-C is ignored."""
    done: list[str] = []

    async def undone() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(asyncio.Event().wait(), 30)
        finally:
            await asyncio.sleep(0.01)
            done.append("waited")

    if in_background:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with pytest.raises((KeyboardInterrupt, asyncio.CancelledError)), interrupted_by_signals():
        run(undone())
    assert done == ["waited"]
