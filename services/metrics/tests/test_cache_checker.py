"""The live checker on layers that serve what the test says, by a clock that the test moves."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from services.metrics.cache_checker import CacheChecker
from services.metrics.cache_layers import Layer
from shared.contracts.errors import Unavailable
from shared.runtime.tests.eventually import eventually
from shared.runtime.timings import Timings

OBJECT = "strategy:1"


@dataclass
class Database:
    """What the services say; `told` is what the caches were to forget."""

    held: dict[str, int] = field(default_factory=lambda: {OBJECT: 2})
    told: list[list[str]] = field(default_factory=list)
    away: bool = False

    async def versions(self, objects: list[str]) -> Mapping[str, int]:
        """Return those that are known, none while away."""
        return {} if self.away else {obj: self.held[obj] for obj in objects if obj in self.held}

    async def forget(self, objects: Sequence[str]) -> None:
        """Note it. Raises Unavailable while away."""
        if self.away:
            raise Unavailable("away")
        self.told.append(list(objects))


@dataclass
class Serving:
    """One layer; `fault` is what it raises, `then` is called when it has answered."""

    versions: dict[str, dict[str, int]]
    asked: list[list[str]] = field(default_factory=list)
    fault: Exception | None = None
    then: Callable[[], None] = lambda: None

    async def shown(self, objects: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Return what of these it serves."""
        self.asked.append(list(objects))
        if self.fault is not None:
            raise self.fault
        shown = {process: {obj: held[obj] for obj in objects if obj in held} for process, held in self.versions.items()}
        self.then()
        return shown


class Lab:
    """A checker with all that is around it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timings = Timings("metrics", "metrics-1")
        self.database = Database()
        self.l1 = Serving({"gateway-1": {OBJECT: 2}, "gateway-2": {OBJECT: 2}})
        self.l2 = Serving({"": {OBJECT: 2}})
        layers: dict[str, Layer] = {"l1": self.l1, "l2": self.l2}
        self.looked_at: list[Mapping[str, str]] = []
        self.checker = CacheChecker(self.database, layers, self.timings, lambda: self.now, self.looked_at.append)

    async def at(self, *times: float) -> None:
        """Look at each of these times."""
        for self.now in times:
            await self.checker.look()

    def counted(self, name: str) -> dict[str, float]:
        """Return what is not 0 of a counter, by its labels but for the kind, which is that of versions."""
        counters = {key: value for key, value in self.timings._counters.items() if key[0] == name and value}
        assert all(dict(labels).get("kind", "version") == "version" for _, labels in counters)
        return {
            " ".join(value for label, value in labels if label != "kind"): number
            for (_, labels), number in counters.items()
        }

    def staleness(self) -> dict[str, float]:
        """Return the seconds that were observed, summed by layer."""
        found = self.timings._histograms.items()
        return {labels[0][1]: series.total for (name, labels), series in found if name == "cache_staleness"}


@pytest.fixture
def lab() -> Lab:
    """All is well in it."""
    return Lab()


async def test_in_health_every_layer_is_compared_and_nothing_counted(lab: Lab) -> None:
    """Over a series of writes whose events come twice."""
    for version in range(3, 10):
        lab.database.held[OBJECT] = version
        for layer in (lab.l1, lab.l2):
            layer.versions = {process: {OBJECT: version} for process in layer.versions}
        lab.checker.changed([OBJECT])
        lab.checker.changed([OBJECT])
        await lab.at(lab.now, lab.now + 1.5)
    assert lab.counted("cache_probes") == {"l1": 28, "l2": 14}
    assert lab.counted("cache_inconsistencies") == lab.staleness() == lab.counted("cache_probes_not_done") == {}


async def test_who_looks_deeper_is_told_of_every_look(lab: Lab) -> None:
    """With the trace of the change; of what is looked at again since it was found too old, no more."""
    lab.l2.versions[""][OBJECT] = 1
    lab.checker.changed([OBJECT], "00-trace-01")
    await lab.at(0, 1, 10)
    assert lab.looked_at == [{OBJECT: "00-trace-01"}, {OBJECT: "00-trace-01"}, {}]


async def test_the_series_are_there_before_anything_is_found(lab: Lab) -> None:
    """An alarm on a rise needs a zero to rise from."""
    names = [name for name, _ in lab.timings._counters]
    assert names.count("cache_probes") == 2
    assert names.count("cache_inconsistencies") == 8


async def test_what_lasts_is_counted_by_window_told_and_healed(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """With its trace: the object, where it was, what was seen when, and the request that made the change."""
    lab.l2.versions[""][OBJECT] = 1
    lab.checker.changed([OBJECT], "00-trace-01")
    with caplog.at_level(logging.ERROR):
        await lab.at(0, 1)
        assert lab.database.told == []
        assert caplog.records == []
        await lab.at(10)
    assert lab.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 1s": 1, "l2 10s": 1}
    assert lab.database.told == [[OBJECT]]
    (record,) = caplog.records
    told = record.getMessage()
    assert "strategy:1 is served too old by l2: the database held version 2" in told
    assert "1 after 0.000 s, 1 after 1.000 s, 1 after 10.000 s" in told
    assert "00-trace-01" in told
    del lab.l2.versions[""][OBJECT]
    await lab.at(60)
    assert lab.staleness() == {"l2": 10.0}


async def test_one_process_of_many_is_found(lab: Lab) -> None:
    """Each has a cache of its own."""
    lab.l1.versions["gateway-2"][OBJECT] = 1
    lab.checker.changed([OBJECT])
    await lab.at(0)
    lab.l1.versions["gateway-2"][OBJECT] = 2
    await lab.at(1)
    assert lab.counted("cache_inconsistencies") == {"l1 0s": 1}
    assert lab.staleness() == {"l1": 0.0}


async def test_the_database_is_read_first(lab: Lab) -> None:
    """What is written while a level answers, or before it does, is no fault of its answer."""

    def write() -> None:
        lab.database.held[OBJECT] += 1

    lab.l1.then = lab.l2.then = write
    lab.l1.versions["gateway-1"][OBJECT] = 3
    for at in range(3):
        lab.checker.changed([OBJECT])
        await lab.at(at)
        served = lab.database.held[OBJECT]
        lab.l1.versions = {process: {OBJECT: served} for process in lab.l1.versions}
        lab.l2.versions[""][OBJECT] = served
    assert lab.counted("cache_probes") == {"l1": 6, "l2": 3}
    assert lab.counted("cache_inconsistencies") == {}


async def test_failures_cost_looks_alone(lab: Lab) -> None:
    """They are counted, and what is there to be looked at is looked at."""
    lab.l1.fault = Unavailable("the bus is away")
    lab.checker.changed([OBJECT])
    await lab.at(0)
    assert lab.counted("cache_probes_not_done") == {"l1": 1}
    assert lab.counted("cache_probes") == {"l2": 1}
    lab.database.away = True
    await lab.at(1)
    assert lab.counted("cache_probes_not_done") == {"l1": 1, "database": 1}
    assert len(lab.l2.asked) == 1
    lab.database.away, lab.l1.fault, lab.l1.versions = False, None, {}
    lab.checker.changed([OBJECT])
    await lab.at(2)  # no process has said a word
    assert lab.counted("cache_probes_not_done") == {"l1": 2, "database": 1}


async def test_a_finding_that_cannot_be_looked_at_is_not_thought_healed(lab: Lab) -> None:
    """It is looked at when that is possible again."""
    lab.l2.versions[""][OBJECT] = 1
    lab.checker.changed([OBJECT])
    await lab.at(0)
    await lab.at(1)
    lab.l2.fault = Unavailable("away")
    await lab.at(10)
    assert lab.counted("cache_probes_not_done") == {"l2": 1}
    lab.l2.fault = None
    await lab.at(11)
    assert lab.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 1s": 1, "l2 10s": 1}


async def test_what_cannot_be_healed_is_tried_once_more(lab: Lab) -> None:
    """And does not end the checker."""
    lab.l2.versions[""][OBJECT] = 1
    lab.checker.changed([OBJECT])
    await lab.at(0)
    lab.database.away = True
    await lab.at(10)
    lab.database.away = False
    await lab.at(60)
    assert lab.database.told == [[OBJECT]]
    assert lab.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 10s": 1, "l2 60s": 1}


async def test_what_is_no_object_is_left_out(lab: Lab) -> None:
    """An event of a later version may name anything."""
    lab.database.held["x y"] = lab.l2.versions[""]["x y"] = 1
    lab.checker.changed(["", "x y", "strategy:{1}", OBJECT])
    await lab.at(0)
    assert lab.l2.asked == [[OBJECT]]


async def test_it_looks_when_it_is_told_and_sleeps_else(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that nobody foresaw does not end it."""
    monkeypatch.setattr("services.metrics.due_work.FAULT_SECONDS", 0.0)
    lab.l2.fault = RuntimeError("unforeseen")
    running = asyncio.create_task(lab.checker.run())

    async def asked() -> bool:
        return len(lab.l2.asked) == 1

    async def compared() -> bool:
        return lab.counted("cache_probes").get("l2") == 1

    lab.checker.changed([OBJECT])
    await eventually(asked)
    lab.l2.fault = None
    lab.now = 5.0
    lab.checker.changed([OBJECT])
    await eventually(compared)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
