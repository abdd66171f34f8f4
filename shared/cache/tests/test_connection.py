"""A line to the cache server: what is told to whom, and when it is given up."""

from collections import deque
from collections.abc import Iterable
from typing import cast

import pytest

from shared.cache.connection import LOOKS, Line
from shared.wire import Heard, Wire


class FakeWire:
    """A wire whose other end is the test."""

    def __init__(self) -> None:
        self.closed = False
        self.unheard: deque[Heard] = deque()

    @property
    def waiting(self) -> int:
        """How many commands are not answered yet."""
        return len(self.unheard)

    def send_packed(self, _: bytes, heard: Iterable[Heard]) -> None:
        """Take commands."""
        self.unheard.extend(heard)

    def answer(self, *answers: object) -> None:
        """Tell answers, in the order of the commands."""
        for answer in answers:
            self.unheard.popleft()(answer)

    def close(self, failure: Exception | None = None) -> None:
        """End."""
        self.closed = True


@pytest.fixture
async def wire() -> FakeWire:
    """The other end."""
    return FakeWire()


@pytest.fixture
async def line(wire: FakeWire) -> Line:
    """A line that looks only when a test does."""
    return Line(cast("Wire", wire), b"run", 1e6)


async def test_who_goes_away_shifts_no_answers(wire: FakeWire, line: Line) -> None:
    """What he asked for is heard, and told to nobody: those behind him get their own."""
    first, leaving, last = line.ask(b"", 2), line.ask(b"", 3), line.ask(b"", 1)
    wire.answer(1, 2, 3)
    leaving.cancel()
    wire.answer(4, 5, 6)
    assert (await first, await last) == ([1, 2], [6])
    assert not wire.waiting


async def test_a_deadline_is_waited_out(wire: FakeWire, line: Line) -> None:
    """For the oldest that is unanswered, though others are answered meanwhile; and not for longer."""
    line.ask(b"", 1)
    line._look()
    for _ in range(LOOKS - 1):
        line.ask(b"", 1)
        line._look()
    wire.answer(b"in time")
    line._look()
    assert not wire.closed
    line._look()
    assert wire.closed


async def test_while_the_server_keeps_up_nobody_is_given_up(wire: FakeWire, line: Line) -> None:
    """Something is unanswered at every look, but never the same."""
    line.ask(b"", 1)
    for _ in range(3 * LOOKS):
        line.ask(b"", 1)
        line._look()
        wire.answer(b"soon")
    assert not wire.closed


async def test_after_a_silence_that_ended_the_time_begins_anew(wire: FakeWire, line: Line) -> None:
    """What was unanswered before counts for nothing once it is answered."""
    for _ in range(3):
        line.ask(b"", 1)
        for _ in range(LOOKS):
            line._look()
        wire.answer(b"late")
        line._look()
    assert not wire.closed
