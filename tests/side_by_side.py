"""How tests run side by side: `make test` runs them in two processes, each with servers of its own, because most of
them wait more than they compute.

A test marked `alone` has the machine to itself: it measures time, or puts the whole system under load.
"""

import fcntl
import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling, Scheduling

from tests.kernels import Kernels

_ROOT = Path(__file__).parents[1]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Files that are there anyway are locked: nothing is left behind, and the end of a process frees what it held.
_LOCKS = (_ROOT / "pyproject.toml", _ROOT / "conftest.py")
_TOGETHER = "tests/e2e/"
"""These files share a running platform, which takes longer to start than most of them to run."""
_KERNELS = pytest.StashKey[Kernels]()


def pytest_configure(config: pytest.Config) -> None:
    """Have the engine compiled for each of several processes, while they look for tests.

    And let a random example take the time that it takes: the machine does other things besides.
    """
    settings.register_profile("side by side", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("side by side")
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        kept = Path(os.environ.get("NUMBA_CACHE_DIR") or _ROOT / ".pytest_cache" / "kernels")
        os.environ["NUMBA_CACHE_DIR"] = str(kept / worker)
        config.stash[_KERNELS] = Kernels(kept, worker)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage neither while eight thousand tests are made, which all stay, nor among them ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let no test begin without kernels."""
    if kernels := session.config.stash.get(_KERNELS, None):
        kernels.fill()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing that compiles, however the tests have ended."""
    if kernels := config.stash.get(_KERNELS, None):
        kernels.end()


def unit_of(name: str) -> str:
    """Return what a test is given out with: its file, and with that the others that share something with it."""
    return _TOGETHER if name.startswith(_TOGETHER) else name.partition("::")[0]


class _Files(LoadFileScheduling):  # type: ignore[misc]  # xdist says nothing of its types
    """Gives all of a unit to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Share tests out by files."""
    return _Files(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a test alike in each process: an id that was made for it is another in each."""
    return _ID.sub("id", val) if isinstance(val, str) and _ID.search(val) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test, fixtures and all, when it is its turn."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def turn(*, alone: bool, locks: tuple[Path, Path] = _LOCKS) -> Iterator[None]:
    """Wait until others may run besides, or none does. Who wants to be alone comes before those who ask later."""
    with locks[0].open() as queue, locks[1].open() as machine:
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # Said, not left to the closing of the file: a process that a test has forked may have it open still.
            fcntl.flock(machine, fcntl.LOCK_UN)
