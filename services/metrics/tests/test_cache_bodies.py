"""Whole answers compared, on caches that answer what the test says, by a clock that the test moves."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from services.metrics.cache_bodies import BodyChecker
from shared.cache.record import Entry, digest_of
from shared.contracts.cache_probes import AnswerShown, ShownBy
from shared.contracts.errors import Unavailable
from shared.runtime.tests.eventually import eventually
from shared.runtime.timings import Timings
from tests.seconds import allowed

OBJECT = "strategy:1"
RIGHT, WRONG = (Entry(7, '"1"', "owner", body) for body in (b"right", b"wrong"))


def shown(by: ShownBy, entry: Entry, variant: str = "doc") -> AnswerShown:
    """What a process says of an answer."""
    return AnswerShown(variant=variant, by=by, version=entry.version, digest=digest_of(entry))


@dataclass
class Processes:
    """The gateway's; `away` when none can be asked."""

    told: dict[str, list[AnswerShown]]
    asked: list[str] = field(default_factory=list)
    fault: Exception | None = None

    async def answers(self, obj: str) -> Mapping[str, list[AnswerShown]]:
        """Return what they answer."""
        self.asked.append(obj)
        if self.fault is not None:
            raise self.fault
        return self.told


@dataclass
class Server:
    """The cache server."""

    held: dict[str, Entry]
    away: bool = False

    async def answers(self, obj: str) -> Mapping[str, Entry]:
        """Return what it holds. Raises Unavailable while away."""
        assert obj == OBJECT
        if self.away:
            raise Unavailable("away")
        return self.held


@dataclass
class Caches:
    """What was to be forgotten."""

    told: list[list[str]] = field(default_factory=list)
    away: bool = False

    async def forget(self, objects: Sequence[str]) -> None:
        """Note it. Raises Unavailable while away."""
        self.told.append(list(objects))
        if self.away:
            raise Unavailable("away")


class Lab:
    """A checker with all that is around it."""

    def __init__(self, one_in: int = 1, drawn: float = 0.0) -> None:
        self.now = 0.0
        self.drawn = drawn
        self.timings = Timings("metrics", "metrics-1")
        self.processes = Processes(
            {"gateway-1": [shown("l1", RIGHT), shown("database", RIGHT)], "gateway-2": [shown("l1", RIGHT)]}
        )
        self.server = Server({"doc": RIGHT})
        self.caches = Caches()
        self.checker = BodyChecker(
            self.processes, self.server, self.caches, self.timings, lambda: self.now,
            one_in=one_in, random=lambda: self.drawn,
        )  # fmt: skip

    async def at(self, *times: float) -> None:
        """Look at each of these times."""
        for self.now in times:
            await self.checker.look()

    def counted(self, name: str) -> dict[str, float]:
        """Return what is not 0 of a counter, by its labels but for the kind, which is that of bodies."""
        counters = {key: value for key, value in self.timings._counters.items() if key[0] == name and value}
        assert all(dict(labels).get("kind", "body") == "body" for _, labels in counters)
        return {
            " ".join(value for label, value in labels if label != "kind"): number
            for (_, labels), number in counters.items()
        }


@pytest.fixture
def lab() -> Lab:
    """All is well in it, and one object was looked at."""
    lab = Lab()
    lab.checker.looked_at({OBJECT: "00-trace-01"})
    return lab


async def test_in_health_answers_are_compared_and_nothing_counted(lab: Lab) -> None:
    """Those of two processes and of the cache server, with the database's. Then there is nothing to do."""
    await lab.at(0, 1, 10, 60)
    assert lab.counted("cache_probes") == {"l1": 2, "l2": 1}
    assert lab.counted("cache_inconsistencies") == lab.counted("cache_probes_not_done") == {}
    assert lab.caches.told == []
    assert lab.processes.asked == [OBJECT]


async def test_the_series_are_there_before_anything_is_found(lab: Lab) -> None:
    """An alarm on a rise needs a zero to rise from."""
    names = [name for name, _ in lab.timings._counters]
    assert names.count("cache_probes") == 3
    assert names.count("cache_inconsistencies") == 12


@pytest.mark.parametrize(
    ("one_in", "drawn", "compared"),
    [(1, 0.999, 1), (1000, 0.0009, 1), (1000, 0.0011, 0), (2, 0.499, 1), (2, 0.5, 0), (0, 0.0, 0)],
)
async def test_one_look_in_so_many_goes_deep(one_in: int, drawn: float, compared: int) -> None:
    """Drawn for each; none if that is what is set."""
    lab = Lab(one_in, drawn)
    lab.checker.looked_at({OBJECT: ""})
    await lab.at(0)
    assert len(lab.processes.asked) == compared


async def test_other_bytes_at_the_same_version_are_told_and_forgotten(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    """At once, with all that is known of it; and again after 1 s, 10 s and 60 s as long as it is there."""
    lab.server.held["doc"] = WRONG
    with caplog.at_level(logging.ERROR):
        await lab.at(0)
    assert lab.counted("cache_inconsistencies") == {"l2 0s": 1}
    assert lab.caches.told == [[OBJECT]]
    (record,) = caplog.records
    told = record.getMessage()
    assert f"strategy:1 is answered in two ways at version 7: l2 gives {digest_of(WRONG)} for doc" in told
    assert f"database of gateway-1 gives {digest_of(RIGHT)}" in told
    assert "00-trace-01" in told
    await lab.at(0.5, 1, 2, 10)
    assert lab.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 1s": 1, "l2 10s": 1}
    lab.server.held["doc"] = RIGHT
    await lab.at(60, 100)
    assert lab.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 1s": 1, "l2 10s": 1}
    assert len(lab.processes.asked) == 4


@pytest.mark.parametrize(
    "changed", [{"etag": '"2"'}, {"owner": "another"}, {"status": 404}, {"media_type": "text/plain"}]
)
async def test_more_than_the_bytes_makes_an_answer(lab: Lab, changed: dict[str, str]) -> None:
    """Its tag, by which it is not sent again, whom it is for, what it says it is."""
    lab.server.held["doc"] = Entry(**{"version": 7, "etag": '"1"', "owner": "owner", "body": b"right", **changed})  # type: ignore[arg-type]
    await lab.at(0)
    assert lab.counted("cache_inconsistencies") == {"l2 0s": 1}


async def test_one_process_of_many_is_found(lab: Lab) -> None:
    """Each has a cache of its own."""
    lab.processes.told["gateway-2"] = [shown("l1", WRONG)]
    await lab.at(0)
    assert lab.counted("cache_inconsistencies") == {"l1 0s": 1}


async def test_answers_of_other_versions_are_not_compared(lab: Lab) -> None:
    """Somebody writes meanwhile."""
    lab.server.held["doc"] = Entry(8, '"1"', "owner", b"newer")
    await lab.at(0)
    assert lab.counted("cache_probes") == {"l1": 2}
    assert lab.counted("cache_inconsistencies") == {}


async def test_all_are_asked_at_once(lab: Lab) -> None:
    """An object that is written all the time has the same version everywhere for a moment only."""
    written = asyncio.Event()

    async def slowly(obj: str) -> Mapping[str, list[AnswerShown]]:
        await written.wait()
        return lab.processes.told

    async def hold(obj: str) -> Mapping[str, Entry]:
        written.set()
        return lab.server.held

    lab.processes.answers, lab.server.answers = slowly, hold  # type: ignore[method-assign]
    async with asyncio.timeout(allowed(5)):
        await lab.at(0)
    assert lab.counted("cache_probes") == {"l1": 2, "l2": 1}


async def test_failures_cost_looks_alone(lab: Lab) -> None:
    """They are counted, and what there is of answers is compared."""
    lab.server.away = True
    await lab.at(0)
    assert lab.counted("cache_probes_not_done") == {"l2": 1}
    assert lab.counted("cache_probes") == {"l1": 2}
    lab.checker.looked_at({OBJECT: ""})
    lab.processes.told = {"gateway-1": [shown("l1", RIGHT)]}
    lab.server.away = False
    await lab.at(1)
    assert lab.counted("cache_probes_not_done") == {"l2": 1, "database": 1}
    lab.checker.looked_at({OBJECT: ""})
    lab.processes.fault = Unavailable("the bus is away")
    await lab.at(2)
    assert lab.counted("cache_probes_not_done") == {"l2": 1, "database": 1, "l1": 1}
    lab.checker.looked_at({OBJECT: ""})
    lab.processes.fault, lab.processes.told = None, {}
    await lab.at(3)
    assert lab.counted("cache_probes_not_done") == {"l2": 1, "database": 1, "l1": 2}


async def test_an_object_of_which_nobody_knows_an_answer_is_no_fault(lab: Lab) -> None:
    """It was written and not read."""
    lab.processes.told, lab.server.held = {"gateway-1": []}, {}
    await lab.at(0)
    assert lab.counted("cache_probes") == lab.counted("cache_probes_not_done") == {}


async def test_what_cannot_be_forgotten_is_tried_again(lab: Lab) -> None:
    """When it is looked at again."""
    lab.server.held["doc"] = WRONG
    lab.caches.away = True
    await lab.at(0, 1)
    assert lab.caches.told == [[OBJECT], [OBJECT]]


async def test_what_was_drawn_is_compared_whatever_is_drawn_of_looks() -> None:
    """Nobody has changed it, so that there are few such looks."""
    lab = Lab(one_in=1_000_000, drawn=0.5)
    lab.checker.drawn(OBJECT)
    lab.processes.told["gateway-1"].append(shown("l1", WRONG))
    await lab.at(0)
    assert lab.counted("cache_inconsistencies") == {"l1 0s": 1}


async def test_it_compares_when_it_is_told_and_sleeps_else(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that nobody foresaw does not end it."""
    monkeypatch.setattr("services.metrics.due_work.FAULT_SECONDS", 0.0)
    lab.processes.fault = RuntimeError("unforeseen")
    running = asyncio.create_task(lab.checker.run())

    async def asked() -> bool:
        return len(lab.processes.asked) == 1

    async def compared() -> bool:
        return lab.counted("cache_probes").get("l2") == 1

    await eventually(asked)
    lab.processes.fault = None
    lab.checker.looked_at({OBJECT: ""})
    await eventually(compared)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
