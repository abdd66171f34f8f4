"""`python -m bench.compression`: what compression saves, and what it costs, for a list of 500 kB and a curve of 1.5 MB.

Starts the platform as `make run` does. Each answer is asked for plain, as with `COMPRESSION_MINIMUM_SIZE` above its
size, and in each coding, by wrk, which compares every byte: hits of L1, where the coded bytes were made once. What
making them takes is measured in this process. The owner's 200 strategies are of 2.5 kB each, with the demo's
specifications, limits drawn at random and descriptions of random words, which compress worse than prose.

    --rounds 7
    --seconds 2         of each measurement
"""

import asyncio
import copy
import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast

import msgspec
import psutil

from bench.caching.account import Account
from bench.caching.data import BARS, Data, backtested, hourly_bars, uploaded
from bench.caching.reads import Read, expected, recorded
from bench.caching.rounds import Sample, Samples, by_wrk, in_turns, middle, ratio
from bench.caching.servers import Contender, gateway_of
from bench.caching.verdicts import cpu, rate
from bench.ending import undone_when_ended
from bench.serving.machine import describe, load_average
from bench.serving.processors import TooFewProcessors, apart, families, keep_on
from bench.serving.wrk import NoWrk, find_wrk
from cli.load.wire import WrongAnswer
from deploy.demo.seeding import templates
from services.gateway.core.codings import CODINGS, IDENTITY, compress
from tests.e2e.platform import Platform, platform

STRATEGIES, STRATEGY_BYTES = 200, 2500
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Options:
    """How often everything is measured, and for how long each time."""

    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """One read: by coding, or PLAIN, the bytes sent, the seconds of making them once, and what wrk found."""

    name: str
    sizes: dict[str, int]
    made: dict[str, float]
    samples: Samples


async def store_varied(account: Account) -> None:
    """Store the owner's strategies, each another one."""
    dice = random.Random(7)
    words = ["".join(dice.choices("aeiorstnldcmpu", k=dice.randint(2, 9))) for _ in range(2000)]
    for number in range(STRATEGIES):
        template = copy.deepcopy(dice.choice(templates()))
        for parameter in cast("dict[str, dict[str, Any]]", template["spec"].get("params", {})).values():
            parameter["max"] += dice.randint(0, 900)
        body = {"name": f"{template['name']} {number:03}", "description": "", "spec": template["spec"]}
        room = STRATEGY_BYTES - len(msgspec.json.encode(body)) - 300  # what the answer says besides
        description = ""
        while len(description) < room:
            description += f"{dice.choice(words)} "
        await account.call("POST", "/strategies", 201, json={**body, "description": description})


def seconds_to_make(body: bytes, coding: str, rounds: int) -> float:
    """The processor time of compressing once, the median of so many times."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        compress(body, coding)
        taken.append(time.process_time() - started)
    return median(taken)


async def measure(running: Platform, data: Data, read: Read, folder: Path, options: Options) -> Found:
    """Measure one read in each coding. Raises WrongAnswer."""
    await data.owner.log_in()
    gateway, cached = gateway_of(running), "aurelius-l1; hit"
    ways = [Contender(coding or PLAIN, running.base_url, gateway, from_cache=cached) for coding in (IDENTITY, *CODINGS)]
    reads = {way.name: Read(read.name, read.path, way.name.replace(PLAIN, "identity")) for way in ways}
    answers = {way.name: await recorded(way, reads[way.name], data) for way in ways}
    checks = {}
    for way in ways:
        own = folder / f"{read.name}-{way.name}"
        own.mkdir()
        checks[way.name] = expected(way, answers[way.name], own)
        coding = dict(answers[way.name].headers).get(b"content-encoding", PLAIN.encode()).decode()
        if coding != way.name:
            raise WrongAnswer(f"{read.path} came as {coding}, not {way.name}")

    async def one(way: Contender, _: int) -> Sample:
        return await by_wrk(way, read.path, reads[way.name].headers(way, data), checks[way.name], options.seconds)

    await in_turns(ways, 1, one)  # warm
    samples = await in_turns(ways, options.rounds, one)
    made = {coding: seconds_to_make(answers[PLAIN].body, coding, options.rounds) for coding in CODINGS}
    return Found(read.name, {name: len(answer.body) for name, answer in answers.items()}, made, samples)


_COLUMNS = (
    *("read", "coding", "bytes", "of plain", "made once in ms"),
    *("requests/s", "CPU, us", "p99 ms", "requests/s to plain's"),
)


def table(everything: Sequence[Found]) -> str:
    """Return a line for each read and coding."""
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for found in everything:
        for coding, samples in found.samples.items():
            compared = ratio(found.samples, coding, PLAIN, rate)
            cells = [
                *(found.name, coding, f"{found.sizes[coding]:,}", f"{found.sizes[coding] / found.sizes[PLAIN]:.1%}"),
                "" if coding == PLAIN else f"{found.made[coding] * 1e3:.2f}",
                f"{middle(samples, rate):,.0f}",
                f"{middle(samples, cpu) * 1e6:,.1f}",
                f"{middle(samples, lambda sample: sample.p99) * 1e3:.2f}",
                "" if coding == PLAIN else compared.told(),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


async def run(options: Options, folder: Path) -> None:
    """Measure and print. Raises WrongAnswer, NoWrk, TooFewProcessors."""
    find_wrk()
    server, others = apart()
    before = load_average()
    async with platform(folder) as running, running.client() as client:
        owner = await Account.register(client)
        await store_varied(owner)
        curve = await backtested(owner, await uploaded(owner, hourly_bars(folder / "hourly.csv", BARS)))
        everybody = families([psutil.Process()])
        for process in everybody:
            keep_on(process, others)
        keep_on(gateway_of(running), server)
        reads = (
            Read(f"list of {STRATEGIES}", f"/api/v1/strategies?limit={STRATEGIES}"),
            Read("equity curve", f"/api/v1/backtests/{curve}/equity"),
        )
        found = [await measure(running, Data(owner, [], curve), read, folder, options) for read in reads]
        for process in everybody:  # a stop has its time
            keep_on(process, server | others)
    print(
        f"On {describe('granian', 'backports.zstd', 'brotli')}. The gateway has one processor to itself. Load average "
        f"{before} before, {load_average()} at the end. Medians of {options.rounds} rounds of {options.seconds:g} s "
        "each, in turns; a ratio is the median of the rounds' own, with the least and the greatest.\n"
    )
    print(table(found))


def main(given: Sequence[str]) -> str | None:
    """Measure; returns what to end with."""
    parser = ArgumentParser(prog="python -m bench.compression")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args(given)
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(run(Options(asked.rounds, asked.seconds), Path(folder)))
    except (NoWrk, TooFewProcessors, WrongAnswer) as error:
        return str(error)
    return None


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(main(sys.argv[1:]))
