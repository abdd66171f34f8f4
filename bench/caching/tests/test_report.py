"""The report: ratios of the same round, and verdicts."""

import asyncio
from dataclasses import replace

import psutil
import pytest

from bench.caching.read_mix import Counts, Mixed
from bench.caching.report import report
from bench.caching.rounds import Sample, in_turns, ratio
from bench.caching.servers import BARE, Contender, Servers
from bench.caching.verdicts import Found, cpu, rate
from bench.spread import Spread

SAMPLE = Sample(rate=1000, p50=0.001, p99=0.002, cpu=0.001, cpu_of_all=0.0012)


def contender(name: str) -> Contender:
    return Contender(name, "http://127.0.0.1:1", psutil.Process())


SERVERS = Servers(
    None,  # type: ignore[arg-type]  # nothing is asked
    None,  # type: ignore[arg-type]
    contender("gateway, L1"),
    contender("gateway, L2"),
    contender("gateway, no cache"),
    contender("monolith"),
    contender("monolith, no cache"),
)


def found(local_cpu: float, shared_rate: float, monolith_p99: float) -> Found:
    hits = {
        "gateway, L1": [replace(SAMPLE, rate=6000, cpu=local_cpu)],
        BARE: [replace(SAMPLE, cpu=0.00001)],
        "monolith": [SAMPLE],
        "gateway, L2": [replace(SAMPLE, rate=shared_rate)],
    }
    steady = {"gateway, L1": [SAMPLE], "monolith": [replace(SAMPLE, p99=monolith_p99)]}
    return Found("single strategy", 1000, hits, {}, {}, steady, rate=500)


def mix(hits: int, write_in: int = 1000) -> Mixed:
    return Mixed(write_in, {"strategy": Counts(hits, 1000)}, Counts(hits, 1000), 10, 1000, 0.001)


def test_a_ratio_is_of_the_same_round() -> None:
    """What slows the whole machine for a round slows both."""
    slow, fast = replace(SAMPLE, rate=10), replace(SAMPLE, rate=1000)
    samples = {
        "a": [slow, fast, replace(fast, rate=2997)],
        "b": [replace(slow, rate=5), replace(fast, rate=250), replace(fast, rate=999)],
    }
    assert ratio(samples, "a", "b", rate) == Spread(3, 2, 4)


async def test_the_order_is_reversed_in_every_other_round() -> None:
    """Who is always second would always find the machine as the first has left it."""
    order: list[str] = []

    async def measure(contender: Contender, number: int) -> Sample:
        await asyncio.sleep(0)
        order.append(f"{contender.name}{number}")
        return SAMPLE

    samples = await in_turns([contender("a"), contender("b")], 3, measure)
    assert order == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert [len(each) for each in samples.values()] == [3, 3]


def test_all_is_met_only_when_each_is() -> None:
    """1.8 times the bare application at most, 2.5 times the monolith at least, above 95 % of hits."""
    assert report(SERVERS, "here", [found(0.000018, 2500, 0.002)], [mix(951)])[1]
    assert report(SERVERS, "here", [found(0.000018, 2500, 0.002)], [mix(951), mix(900, 100)])[1]
    assert not report(SERVERS, "here", [found(0.0000181, 2500, 0.002)], [mix(951)])[1]
    assert not report(SERVERS, "here", [found(0.000018, 2499, 0.002)], [mix(951)])[1]
    assert not report(SERVERS, "here", [found(0.000018, 2500, 0.0019)], [mix(951)])[1]
    assert not report(SERVERS, "here", [found(0.000018, 2500, 0.002)], [mix(950), mix(1000, 100)])[1]


@pytest.mark.parametrize(
    ("bare", "told"), [(3000, "**not met**"), (2000, "**not met**: more than the bare application does")]
)
def test_what_not_even_the_bare_application_does_is_told(bare: float, told: str) -> None:
    """A rate that sending the bytes alone does not come to is no fault of a cache, and not met all the same."""
    everything = found(0.000018, 2000, 0.002)
    hits = {**everything.hits, BARE: [replace(SAMPLE, rate=bare, cpu=0.00001)]}
    text, met = report(SERVERS, "here", [replace(everything, hits=hits)], [])
    ratios = f"2.00 (2.00 - 2.00) | {bare / 1000:.2f} ({bare / 1000:.2f} - {bare / 1000:.2f})"
    assert f"L2 hit: requests/s to the monolith's | {ratios} | at least 2.5 (aim 4) | {told} |" in text
    assert not met


def test_a_rate_that_is_not_the_servers_is_told() -> None:
    """A server that waited for something else can do more than it did."""
    text, _ = report(SERVERS, "here", [found(0.000018, 2500, 0.002)], [])
    assert "- single strategy, gateway, L1: the server was busy for 11% of the time" in text
    assert "single strategy, monolith:" not in text


def test_answers_of_another_layer_are_told() -> None:
    """A figure of L1 that is in part one of L2 says so."""
    everything = found(0.000018, 2500, 0.002)
    hits = {**everything.hits, "gateway, L1": [replace(SAMPLE, elsewhere=0.02)]}
    text, _ = report(SERVERS, "here", [replace(everything, hits=hits)], [])
    assert "- single strategy, gateway, L1: 2.0% of the answers came from another layer" in text


def test_without_a_first_layer_nothing_is_said_of_it() -> None:
    """What was not measured is not told as if it were."""
    servers = replace(SERVERS, local=None)
    everything = found(0.000018, 2500, 0.002)
    hits = {name: samples for name, samples in everything.hits.items() if name != "gateway, L1"}
    text, _ = report(servers, "here", [replace(everything, hits=hits, steady={})], [])
    assert "L1 hit" not in text
    assert "L2 hit" in text


def test_cpu_is_of_the_server_alone() -> None:
    """What its caches and databases use is told beside."""
    assert cpu(SAMPLE) == 0.001
