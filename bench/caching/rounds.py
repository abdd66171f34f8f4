"""Rounds in which everyone is measured in turn, the order reversed in every other one; ratios are of the same round."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.caching.servers import Contender
from bench.serving.client import Load, at_rate, one_after_another
from bench.serving.processors import all_cpu_seconds, cpu_seconds
from bench.serving.wrk import Expected, run_wrk
from bench.spread import Spread, spread
from cli.load.wire import Request

AT_ONCE, LARGE_AT_ONCE = 16, 4
"""Requests of wrk's on their way: of bodies below LARGE bytes, and of those above."""
LARGE = 200_000
MISSES_AT_ONCE = 8
TRIES = 3
"""Of a measurement in which another layer answered, since an entry had expired or the cache server was late."""
MOST_ELSEWHERE = 0.01
"""Of the answers: with more it is measured again, and at last told."""
CONNECTIONS = 32
"""Of the load at a fixed rate: more than can be busy while a server keeps up."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement. Processor time in seconds for each request: of the server alone, and with all behind it.

    `lag` is the p99 of how late the load itself was, `load` the share of a processor it used, `elsewhere` the share
    of the answers that came from another layer; 0 where not known.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    cpu_of_all: float
    lag: float = 0.0
    load: float = 0.0
    elsewhere: float = 0.0


Samples = Mapping[str, Sequence[Sample]]
"""By contender, one for each round."""
Measure = Callable[[Contender, int], Awaitable[Sample]]
"""Takes the number of the round."""


async def in_turns(contenders: Sequence[Contender], rounds: int, measure: Measure) -> Samples:
    """Measure everyone once for each round. Raises WrongAnswer."""
    found: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else contenders[::-1]:
            found[contender.name].append(await measure(contender, number))
    return found


def middle(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> float:
    """The median over the rounds."""
    return median(map(figure, samples))


def ratio(samples: Samples, above: str, below: str, figure: Callable[[Sample], float]) -> Spread:
    """How many times the figure of `below` that of `above` is."""
    return spread(figure(one) / figure(other) for one, other in zip(samples[above], samples[below], strict=True))


async def by_wrk(
    contender: Contender, path: str, headers: Mapping[str, str], expected: Expected, seconds: float
) -> Sample:
    """As many requests as it takes."""
    connections = LARGE_AT_ONCE if expected.body.stat().st_size > LARGE else AT_ONCE
    for _ in range(TRIES):
        clock = _Clock(contender)
        found = await run_wrk(f"{contender.url}{path}", headers, expected, seconds=seconds, connections=connections)
        cpu, of_all = (used / found.requests for used in clock.used())
        sample = Sample(found.rate, found.p50, found.p99, cpu, of_all, load=found.load, elsewhere=found.elsewhere)
        if found.elsewhere <= MOST_ELSEWHERE:
            break
    return sample


async def by_list(contender: Contender, requests: Sequence[Request]) -> Sample:
    """Each of these requests once, some at a time."""
    clock = _Clock(contender)
    load = await asyncio.to_thread(one_after_another, contender.url, requests, MISSES_AT_ONCE)
    return _sample(load, clock)


async def by_rate(contender: Contender, request: Request, rate: float, seconds: float) -> Sample:
    """So many of one request a second, whatever the answers take."""
    clock = _Clock(contender)
    requests = [request] * max(100, round(rate * seconds))
    load = await asyncio.to_thread(at_rate, contender.url, requests, rate, CONNECTIONS)
    return _sample(load, clock)


def _sample(load: Load, clock: "_Clock") -> Sample:
    cpu, of_all = clock.used()
    number = len(load.latencies)
    p99 = quantiles(load.latencies, n=100, method="inclusive")[98]
    lag = quantiles(load.lags, n=100, method="inclusive")[98]
    return Sample(number / load.seconds, median(load.latencies), p99, cpu / number, of_all / number, lag)


class _Clock:
    """The processor time that a contender uses from now on."""

    def __init__(self, contender: Contender) -> None:
        self._process = contender.process
        self._all = contender.everything()
        self._before = self._read()

    def used(self) -> tuple[float, float]:
        """Seconds: of the server alone, and of all."""
        now = self._read()
        return now[0] - self._before[0], now[1] - self._before[1]

    def _read(self) -> tuple[float, float]:
        return cpu_seconds(self._process), all_cpu_seconds(self._all)
