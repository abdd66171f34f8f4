"""Processors kept apart, and the time that a process has used."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from bench.serving import processors

BUSY = """
import sys, threading, time
def work():
    while time.thread_time() < 0.2: pass
threads = [threading.Thread(target=work) for _ in range(2)]
for each in threads: each.start()
for each in threads: each.join()
threading.Thread(target=sys.stdin.read).start()
print("done", flush=True)
"""


@pytest.fixture
def busy() -> Iterator[psutil.Process]:
    """A process that has used 0.4 s in two threads, and waits in a third."""
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        yield psutil.Process(process.pid)


def test_the_time_of_all_threads_is_counted_those_that_have_ended_among_them(busy: psutil.Process) -> None:
    """What the kernel's own table says, only finer."""
    times = busy.cpu_times()
    assert processors.cpu_seconds(busy) >= 0.4
    assert processors.cpu_seconds(busy) == pytest.approx(times.user + times.system, abs=0.05)


def test_a_process_that_waits_uses_nothing(busy: psutil.Process) -> None:
    """So that a difference is what was done in between."""
    before = processors.cpu_seconds(busy)
    time.sleep(0.05)
    assert processors.cpu_seconds(busy) - before < 0.01


def test_every_thread_is_kept_on_the_processors(busy: psutil.Process) -> None:
    """A server's own threads were there before it was told where to run."""
    one = {min(os.sched_getaffinity(0))}
    processors.keep_on(busy, one)
    (found,) = {frozenset(each) for each in _where(busy)}
    assert found == one


def _where(process: psutil.Process) -> Iterator[set[int]]:
    """Where each of its threads may run: the one that reads, the one that waits for it, and who has not quite ended."""
    threads = process.threads()
    assert len(threads) >= 2
    for thread in threads:
        with suppress(ProcessLookupError):
            yield os.sched_getaffinity(thread.id)


def test_a_process_that_has_ended_is_no_error() -> None:
    """Workers and connections of databases come and go."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        gone = psutil.Process(process.pid)
    assert processors.cpu_seconds(gone) == 0
    processors.keep_on(gone, {0})
    assert processors.families([gone]) == [gone]


def test_server_and_load_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """One processor for the server, the rest for the load; with a single one there is nothing to measure."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 2, 7})
    assert processors.apart() == ({7}, {2, 4})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4})
    with pytest.raises(processors.TooFewProcessors):
        processors.apart()
