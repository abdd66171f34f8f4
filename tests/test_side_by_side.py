"""Tests side by side: who runs when, and under which name."""

import fcntl
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from shared.contracts.ids import new_id
from tests.side_by_side import pytest_make_parametrize_id, turn, unit_of

MOMENT = 0.2


class Runner:
    """Takes a turn on a thread of its own, and keeps it until it is told to end."""

    def __init__(self, threads: ThreadPoolExecutor, locks: tuple[Path, Path], *, alone: bool) -> None:
        self.has_turn, self._end = Event(), Event()
        self._alone, self._locks = alone, locks
        self._running: Future[None] = threads.submit(self._run)

    def _run(self) -> None:
        with turn(alone=self._alone, locks=self._locks):
            self.has_turn.set()
            self._end.wait()

    def end(self) -> None:
        """Give the turn back."""
        self._end.set()


class Runners:
    """Those of one test."""

    def __init__(self, threads: ThreadPoolExecutor, folder: Path) -> None:
        self._threads = threads
        self._locks = (folder / "queue", folder / "machine")
        for path in self._locks:
            path.touch()
        self.made: list[Runner] = []

    def until_somebody_waits(self) -> None:
        """Return when one stands at the head of the queue. Raises TimeoutError."""
        with self._locks[0].open() as queue:
            for _ in range(1000):
                try:
                    fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                fcntl.flock(queue, fcntl.LOCK_UN)
                time.sleep(0.01)
        raise TimeoutError("nobody waits")

    def start(self, *, alone: bool) -> Runner:
        """Start one more."""
        self.made.append(Runner(self._threads, self._locks, alone=alone))
        return self.made[-1]


@pytest.fixture
def runners(tmp_path: Path) -> Iterator[Runners]:
    """None yet; whatever the test does, all have ended afterwards."""
    with ThreadPoolExecutor(8) as threads:
        lent = Runners(threads, tmp_path)
        try:
            yield lent
        finally:
            for each in lent.made:
                each.end()


def test_most_run_together(runners: Runners) -> None:
    """None waits for another."""
    assert all(runners.start(alone=False).has_turn.wait(30) for _ in range(3))


def test_one_alone_has_the_machine_to_itself(runners: Runners) -> None:
    """It waits for those that run, and all others wait for it, another one like it too."""
    first = runners.start(alone=False)
    assert first.has_turn.wait(30)
    alone = runners.start(alone=True)
    assert not alone.has_turn.wait(MOMENT)
    first.end()
    assert alone.has_turn.wait(30)
    others = [runners.start(alone=False), runners.start(alone=True)]
    assert not any(each.has_turn.wait(MOMENT) for each in others)
    for each in (alone, *others):
        each.end()
    assert all(each.has_turn.wait(30) for each in others)


def test_one_alone_is_not_put_off_for_ever(runners: Runners) -> None:
    """Who comes while it waits comes after it."""
    first = runners.start(alone=False)
    assert first.has_turn.wait(30)
    alone = runners.start(alone=True)
    runners.until_somebody_waits()
    later = runners.start(alone=False)
    assert not later.has_turn.wait(MOMENT)
    first.end()
    assert alone.has_turn.wait(30)
    assert not later.has_turn.is_set()


def test_a_test_has_one_name_in_every_process() -> None:
    """Whatever ids were made for it in each; what holds none is named as it always was."""
    names = {pytest_make_parametrize_id(f"/strategies/{new_id()}/{new_id().upper()}") for _ in range(2)}
    assert names == {"/strategies/id/id"}
    assert pytest_make_parametrize_id("/strategies") is None
    assert pytest_make_parametrize_id(7) is None


def test_what_shares_a_platform_runs_in_one_process() -> None:
    """All of the end-to-end tests; of others each file."""
    shared = {unit_of("tests/e2e/test_demo.py::test_a"), unit_of("tests/e2e/test_logs.py::test_b[x::y]")}
    assert len(shared) == 1
    others = {unit_of(f"{file}::{test}") for file in ("tests/test_a.py", "cli/test_a.py") for test in ("a", "b[x::y]")}
    assert others == {"tests/test_a.py", "cli/test_a.py"}
