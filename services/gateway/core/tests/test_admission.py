"""Who may ask, tried out on a service that is a line of code: so many at once, each for so long, first come first."""

import heapq
import math
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles

import pytest

from services.gateway.core.admission import BURST, Admission, Pass

DEADLINE = 5.0
SETTLED = 3.0
"""Seconds after which a queue of a burst is gone: what is asked for later finds the service as the limit keeps it."""


@dataclass
class Run:
    """What came of each request, by when it was asked."""

    admission: Admission = field(default_factory=Admission)
    taken: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    refused_of: Counter[str] = field(default_factory=Counter)

    def latencies(self, since: float = 0.0) -> list[float]:
        """Return those of what was accepted from then on."""
        return [seconds for asked, seconds in self.taken if asked >= since]


def offer(
    per_second: float,
    seconds: float,
    work: Callable[[float], float],
    *,
    at_once: int = 1,
    owner: Callable[[int], str] = lambda _: "",
    run: Run | None = None,
    start: float = 0.0,
) -> Run:
    """Ask so often, whatever is answered. `work` is told the time and says how long a request takes by itself, `owner`
    is told its number and says whose it is.
    """
    run = run or Run()
    free = [start] * at_once
    events: list[tuple[float, int, Pass | None]] = [
        (start + number / per_second, number, None) for number in range(int(per_second * seconds))
    ]
    number = len(events)
    while events:
        now, asking, asked = heapq.heappop(events)
        if asked is not None:
            took = now - asked.at
            run.admission.leave(asked, now, took if took < DEADLINE else math.inf)
            run.taken.append((asked.at, now - asked.at))
            continue
        entered = run.admission.enter(now, owner(asking))
        if entered is None:
            run.refused.append(now)
            run.refused_of[owner(asking)] += 1
            continue
        begun = max(heapq.heappop(free), now)
        done = begun + work(begun)
        heapq.heappush(free, done)
        number += 1
        heapq.heappush(events, (done, number, entered))
    return run


@pytest.mark.parametrize(("at_once", "takes"), [(1, 0.02), (5, 0.1), (10, 0.2)])
def test_what_is_accepted_takes_little_longer_than_alone(at_once: int, takes: float) -> None:
    """A service that does 50 a second is asked for 500: it does its 50, and none of them waits long."""
    run = offer(500, 20, lambda _: takes, at_once=at_once)
    settled = run.latencies(SETTLED)
    assert quantiles(settled, n=100)[98] <= 3 * takes
    assert len(settled) >= 0.9 * 50 * (20 - SETTLED)
    assert len(run.refused) + len(run.taken) == 500 * 20


def test_one_who_asks_for_much_shuts_out_nobody() -> None:
    """Of an overload that one owner makes, another who asks for one thing after the other notices little."""
    run = offer(500, 60, lambda _: 0.02, owner=lambda number: "other" if number % 200 == 100 else "much")
    others = 500 * 60 // 200
    assert run.refused_of["other"] < others / 10
    assert run.refused_of["much"] > 400 * 60
    assert quantiles(run.latencies(SETTLED), n=100)[98] <= 4 * 0.02


def test_many_who_ask_for_one_thing_each_are_too_much_as_well() -> None:
    """A thousand owners get no more in than one does, but for a single place."""
    run = offer(500, 20, lambda _: 0.02, owner=lambda number: str(number % 1000))
    settled = run.latencies(SETTLED)
    assert quantiles(settled, n=100)[98] <= 4 * 0.02
    assert len(settled) >= 0.9 * 50 * (20 - SETTLED)


def test_work_of_any_length_is_no_sign_of_a_queue() -> None:
    """Where nobody waits nobody is refused, though some take three hundred times as long as others."""
    chance = random.Random(1)
    run = offer(60, 60, lambda _: chance.choice((0.001, 0.3)), at_once=32)
    assert not run.refused


def test_a_burst_is_taken() -> None:
    """As many as may be in flight, all at the same moment, again and again: it goes as quickly as it came."""
    run = Run()
    for second in range(5):
        offer(1e6, BURST / 1e6, lambda _: 0.005, at_once=8, run=run, start=float(second))
    assert not run.refused


def test_a_slow_first_answer_is_no_measure() -> None:
    """A service that has only started takes long for the first; under load none comes alone that would correct it."""
    run = offer(500, 10, lambda now: 0.6 if now == 0 else 0.02)
    assert quantiles(run.latencies(SETTLED + 1), n=100)[98] <= 3 * 0.02


def test_a_short_wait_is_no_sign_of_anything() -> None:
    """Two fifths of a second, however long it lasts: a service that is well used makes some wait for others."""
    admission = Admission()
    first = admission.enter(0.0)
    assert first is not None
    admission.leave(first, 0.001, 0.001)
    assert admission.enter(0.5) is not None  # stays, so that none is alone and makes its wait the measure
    inside: deque[Pass] = deque()
    for number in range(5_000):
        now = 1 + number / 200
        entered = admission.enter(now)
        assert entered is not None
        inside.append(entered)
        if len(inside) > 80:
            admission.leave(inside.popleft(), now, 0.4)
    assert not admission.overloaded


def test_nearly_too_much_is_not_too_much() -> None:
    """At nine tenths of what the service can do nobody is refused."""
    assert not offer(45, 60, lambda _: 0.02).refused


def test_a_pause_is_over_when_it_is_over() -> None:
    """A service that stood still for a second refuses what came too many meanwhile, and nobody afterwards."""
    run = offer(100, 20, lambda now: 6.0 - now if 5 <= now < 6 else 0.002, at_once=4)
    assert len(run.refused) <= 100
    assert not [at for at in run.refused if at > 6.5]
    assert max(run.latencies(6.5)) < 0.01


def test_an_overload_that_is_over_is_forgotten() -> None:
    """What comes after it is limited as if nothing had been."""
    run = offer(500, 5, lambda _: 0.02)
    assert run.admission.limit < 5
    refused = len(run.refused)
    offer(1e6, BURST / 1e6, lambda _: 0.001, run=run, start=20.0)
    assert len(run.refused) == refused


def test_a_service_that_does_not_answer_holds_few() -> None:
    """What it was asked for before it fell silent is lost with it; then one at a time tells whether it is back."""
    run = Run()
    assert not offer(100, 5, lambda _: 0.002, run=run).refused
    offer(100, 20, lambda _: DEADLINE, at_once=1000, run=run, start=5.0)
    late = [asked for asked, _ in run.taken if asked > 15.0]
    assert len(late) <= 10
    recovered = offer(100, 20, lambda _: 0.002, run=run, start=40.0)
    assert not [at for at in recovered.refused if at > 41.0]
