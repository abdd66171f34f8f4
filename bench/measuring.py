"""`python -m bench.measuring`: what all measuring costs on the way that almost every read takes.

Starts the platform as `make run` does, and beside its gateway five more that differ by a setting: two as they are by
default, two with METRICS_ENABLED=false, which count, time and report nothing, and one that besides writes a line of
each request (LOG_REQUESTS=true). Of two alike the mean of a round counts, since processes of the same program differ by
how they happen to lie in memory: by how much is told. Turns are short and many, since a machine's own speed changes
within seconds. All are asked for the same, which each holds in its own cache. Measuring is all that the default does:
the histogram of requests and the times of the last thousand, the counters of the caches, the figures of the process and
its event loop, the batch of all that a second; and what the metrics service makes of the batches.

    --rounds 28     how often everyone is measured, in turns
    --seconds 1     of each measurement, which is the shortest

Ends with 1 when an answer was wrong, or when measuring costs more than is allowed.
"""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from timeit import timeit

import httpx
import psutil

from bench.caching.account import Account
from bench.caching.data import Data, store_strategies
from bench.caching.reads import Read, expected, reads_of, recorded
from bench.caching.rounds import Sample, Samples, by_wrk, in_turns, middle
from bench.caching.servers import Contender, further_gateway, gateway_of, service_of
from bench.caching.verdicts import cpu, rate
from bench.ending import undone_when_ended
from bench.serving.exposed import answers_of
from bench.serving.machine import describe, load_average
from bench.serving.processors import TooFewProcessors, apart, families, keep_on
from bench.serving.wrk import NoWrk, find_wrk
from bench.spread import Spread, spread
from bench.verdict import in_words
from cli.load.wire import WrongAnswer
from shared.cache.stats import LocalCounts
from tests.e2e.platform import Platform, platform

MOST = 1.05
"""Times the processor time of a gateway that measures nothing."""
STRATEGIES = 60
DEFAULT, UNMEASURED, LOGGING = "as it is", "METRICS_ENABLED=false", "LOG_REQUESTS=true"
SETTINGS: Mapping[str, Mapping[str, str]] = {
    DEFAULT: {},
    UNMEASURED: {"METRICS_ENABLED": "false"},
    LOGGING: {"LOG_REQUESTS": "true"},
}
ASKED = 25
"""Reads by which it is shown who counts."""
SETTLED_SECONDS = 2.5
"""After which every count has been reported."""


@dataclass(frozen=True, slots=True)
class Found:
    """One read, the samples of each setting, and how many times as much the second of two alike took as the first."""

    read: str
    samples: Mapping[str, Sequence[Sample]]
    alike: Sequence[Spread] = ()

    def costs(self, name: str) -> tuple[Spread, Spread]:
        """Return a gateway's processor time a request to what it is without measuring, and the same with what the
        metrics service did more than in the same round without.
        """
        alone, both = [], []
        for one, other in zip(self.samples[name], self.samples[UNMEASURED], strict=True):
            alone.append(one.cpu / other.cpu)
            # By time, not by request: of what the service does anyhow fewer requests have a larger share each.
            more = (_reader(one) - _reader(other)) / one.rate
            both.append((one.cpu + more) / other.cpu)
        return spread(alone), spread(both)


def _reader(sample: Sample) -> float:
    """Return the metrics service's processor time a second."""
    return (sample.cpu_of_all - sample.cpu) * sample.rate


def met(everything: Sequence[Found]) -> bool:
    """Whether measuring costs no more than it may, of every read."""
    return all(cost.median <= MOST for found in everything for cost in found.costs(DEFAULT))


def report(everything: Sequence[Found]) -> str:
    """Return a line for each read and gateway, and the verdicts."""
    head = ["read", "gateway", "requests/s", "CPU, us", "to METRICS_ENABLED=false", "with the metrics service"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for found in everything:
        for name, samples in found.samples.items():
            cells = [found.read, name, f"{middle(samples, rate):,.0f}", f"{middle(samples, cpu) * 1e6:,.2f}"]
            cells += ["" if name == UNMEASURED else each.told(3) for each in found.costs(name)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_verdicts(everything)])


def _verdicts(everything: Sequence[Found]) -> Iterator[str]:
    for found in everything:
        alone, both = found.costs(DEFAULT)
        well = in_words(met([found]))
        if found.alike:
            yield f"- {found.read}: one of two alike to the other {', '.join(each.told(3) for each in found.alike)}."
        yield (
            f"- {found.read}: measuring takes {alone.median:.3f} times the processor time, with the metrics service "
            f"{both.median:.3f}; at most {MOST:g}: {well}."
        )


async def _gateways(stack: AsyncExitStack, running: Platform, folder: Path) -> dict[str, Contender]:
    """Start them, by name in the order in which they are measured; behind each is the metrics service."""
    like, reader = gateway_of(running), service_of(running, "metrics")
    found: dict[str, Contender] = {}
    for name in (DEFAULT, UNMEASURED, twin(UNMEASURED), twin(DEFAULT), LOGGING):
        log = folder / f"gateway-{len(found)}.log"
        settings = SETTINGS[name.removesuffix(twin(""))]
        process, url = await stack.enter_async_context(further_gateway(like, settings, log))
        found[name] = Contender(name, url, process, [reader], "aurelius-l1; hit")
    return found


def twin(name: str) -> str:
    """Return the name of the second of two that are alike."""
    return f"{name}, again"


def merged(read: str, samples: Samples) -> Found:
    """Return the means of two that are alike, round by round."""
    both = {name: list(zip(samples[name], samples[twin(name)], strict=True)) for name in (DEFAULT, UNMEASURED)}
    means = {name: [_mean(one, other) for one, other in rounds] for name, rounds in both.items()}
    return Found(
        read,
        {**means, LOGGING: samples[LOGGING]},
        [spread(other.cpu / one.cpu for one, other in rounds) for rounds in both.values()],
    )


def _mean(one: Sample, other: Sample) -> Sample:
    return Sample(*((a + b) / 2 for a, b in zip(astuple(one), astuple(other), strict=True)))


async def _tell_apart(gateways: Mapping[str, Contender], read: Read, data: Data) -> None:
    """Raise WrongAnswer unless one counts each of the requests that are measured, and one none of them."""
    async with httpx.AsyncClient() as client:
        before = await _counted(client, gateways[DEFAULT])
        for name in (DEFAULT, UNMEASURED):
            for _ in range(ASKED):
                await client.get(f"{gateways[name].url}{read.path}", headers=data.owner.headers)
        counted = await _counted(client, gateways[DEFAULT]) - before
        if counted != ASKED:
            raise WrongAnswer(f"of {ASKED} requests to one that measures, and as many to one that does not: {counted}")
        refused = await client.get(f"{gateways[UNMEASURED].url}/metrics")
        if refused.status_code != 404 or "METRICS_ENABLED" not in refused.text:
            raise WrongAnswer(f"a gateway that measures nothing says {refused.status_code} {refused.text[:300]}")


async def _counted(client: httpx.AsyncClient, gateway: Contender) -> int:
    """Return how many reads of strategies all gateways have counted, when that stays as it is."""
    last = -1
    while True:
        answer = await client.get(f"{gateway.url}/metrics", headers={"Accept": "text/plain"})
        if answer.status_code != 200:
            raise WrongAnswer(f"/metrics: {answer.status_code} {answer.text[:300]}")
        reads = answers_of(answer.text).items()
        now = sum(number for answered, number in reads if answered.route.startswith("/api/v1/strategies"))
        if now == last:
            return now
        last = now
        await asyncio.sleep(SETTLED_SECONDS)


async def _measure(
    gateways: Mapping[str, Contender], read: Read, data: Data, folder: Path, rounds: int, seconds: float
) -> Found:
    await data.owner.log_in()
    everyone = list(gateways.values())
    checks = {each.name: expected(each, await recorded(each, read, data), folder) for each in everyone}

    async def measure(contender: Contender, _: int) -> Sample:
        return await by_wrk(contender, read.path, read.headers(contender, data), checks[contender.name], seconds)

    await in_turns(everyone, 1, measure)  # warm
    return merged(read.name, await in_turns(everyone, rounds, measure))


async def run(rounds: int, seconds: float, folder: Path) -> bool:
    """Measure and print; whether it costs no more than it may. Raises WrongAnswer, TooFewProcessors."""
    server, others = apart()
    before = load_average()
    async with AsyncExitStack() as stack:
        # As it is by default: under tests the checker compares far more, which is work of the metrics service.
        running = await stack.enter_async_context(platform(folder, {"CACHE_BODIES_ONE_IN": "1000"}))
        owner = await Account.register(await stack.enter_async_context(running.client()))
        await store_strategies(owner, STRATEGIES)
        page = await owner.call("GET", "/strategies", 200)
        data = Data(owner, [each["id"] for each in page["items"]], backtest_id="")
        gateways = await _gateways(stack, running, folder)
        everybody = families([psutil.Process()])
        for process in everybody:
            keep_on(process, others)
        for each in gateways.values():
            keep_on(each.process, server)
        single, page_of_50, *_ = reads_of(data)
        await _tell_apart(gateways, single, data)
        found = [await _measure(gateways, read, data, folder, rounds, seconds) for read in (single, page_of_50)]
        print(
            f"On {describe('granian', 'litestar', 'uvloop')}. The gateway that is measured has processor "
            f"{', '.join(map(str, server))} to itself, but for those that rest. Load average {before} before, "
            f"{load_average()} at the end. Medians of {rounds} rounds of {seconds:g} s, everyone in turn; a ratio is "
            "the median of the rounds' own, with the least and the greatest.\n\n"
            f"{report(found)}\n\n"
            "What stays without measuring are the counts of a process's own cache: an addition of "
            f"{_addition() * 1e9:.0f} ns for a hit.",
            flush=True,
        )
        for process in everybody:  # a stop has its time
            keep_on(process, server | others)
    return met(found)


def _addition() -> float:
    """Return the seconds of one."""
    counts, number = LocalCounts(), 1_000_000
    return min(timeit("counts.hits += 1", globals={"counts": counts}, number=number) for _ in range(5)) / number


def main(given: Sequence[str]) -> str | None:
    """Measure; returns what to end with, None when it costs no more than it may."""
    parser = ArgumentParser(prog="python -m bench.measuring")
    parser.add_argument("--rounds", type=int, default=28)
    parser.add_argument("--seconds", type=float, default=1.0)
    asked = parser.parse_args(given)
    try:
        find_wrk()
        with tempfile.TemporaryDirectory() as folder:
            well = asyncio.run(run(asked.rounds, asked.seconds, Path(folder)))
    except (NoWrk, TooFewProcessors, WrongAnswer) as error:
        return str(error)
    return None if well else f"measuring costs more than {MOST:g} times what is without"


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(main(sys.argv[1:]))
