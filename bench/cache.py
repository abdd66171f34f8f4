"""`python -m bench.cache`: hits, misses and no cache, against a bare application and a FastAPI monolith.

Starts the platform as `make run` does, with further gateways without L1 and without any cache, the monolith of
bench/peers on a Postgres and a Valkey of its own, and a bare application on the gateway's own server that sends the
recorded answer. Everyone has the same data. Load by wrk (hits), by a list of reads that nobody has made before
(misses), at a fixed rate (latency), and by the load suite's mix (hit rate). docs/performance.md tells how.

    --rounds 7          how often everyone is measured, in turns
    --seconds 2         of each measurement
    --mix-seconds 400   of the mixed load, longer than the shortest time to live; 0 for none
    --only hits,off,misses,steady
    --reads strategy,list,equity

Ends with 1 when an answer was wrong, or when less was found than is asked for.
"""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.caching.data import Data
from bench.caching.read_mix import WRITES, Mix, Mixed, mixed, owners_of
from bench.caching.reads import Read, agree, always, expected, misses, reads_of, recorded
from bench.caching.report import report
from bench.caching.rounds import Sample, by_list, by_rate, by_wrk, in_turns, middle
from bench.caching.servers import Contender, Servers, bare_application, serving
from bench.caching.verdicts import Found, rate
from bench.ending import undone_when_ended
from bench.serving.bare import Answer
from bench.serving.machine import describe, load_average
from bench.serving.processors import TooFewProcessors, apart
from bench.serving.wrk import Expected, NoWrk, find_wrk
from cli.load.wire import Request, WrongAnswer, get

PARTS = ("hits", "off", "misses", "steady")
MISSES = {"single strategy": 150, "list of 50": 60, "equity curve": 6}
"""Of one round: each takes about a quarter of a second."""
PACKAGES = ("granian", "litestar", "uvloop", "fastapi", "starlette", "uvicorn", "httptools", "redis", "pydantic")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    rounds: int
    seconds: float
    mix_seconds: float
    parts: Sequence[str]
    reads: Sequence[str]

    @property
    def strategies(self) -> int:
        """How many are needed for every miss to be of another one, besides the one that hits."""
        return 1 + max(self.rounds * MISSES["single strategy"], self.rounds * MISSES["list of 50"] + 60)


class Bench:
    """Measures one read after the other."""

    def __init__(self, servers: Servers, options: Options, folder: Path, server_processors: set[int]) -> None:
        self._servers = servers
        self._options = options
        self._folder = folder
        self._processors = server_processors

    @property
    def _data(self) -> Data:
        return self._servers.data

    async def measure(self, read: Read) -> Found:
        """Return everything about one read. Raises WrongAnswer."""
        await self._data.owner.log_in()
        servers, parts = self._servers, self._options.parts
        hitting = [each for each in (servers.local, servers.shared, servers.monolith) if each is not None]
        answers = {each.name: await recorded(each, read, self._data) for each in hitting}
        await self._compare(read)
        found = Found(read.name, len(answers[servers.default.name].body))
        if "hits" in parts or "steady" in parts:
            found.hits = await self._hits(read, hitting, answers)
        if "off" in parts and not read.encodings:
            found.off = await self._by_wrk(read, [servers.off, servers.monolith_off])
        if "misses" in parts and not read.encodings:
            found.misses = await self._misses(read)
        if "steady" in parts:
            # Half of what it does with a whole processor; the same for both.
            found.rate = middle(found.hits[servers.monolith.name], rate) / 2
            found.steady = await self._steady(read, found.rate, answers)
        return found

    async def _compare(self, read: Read) -> None:
        """Whether the peer answers the same, before anything is compared with it."""
        plain = Read(read.name, read.path)
        ours, theirs = self._servers.off, self._servers.monolith_off
        agree((await recorded(ours, plain, self._data)).body, (await recorded(theirs, plain, self._data)).body)

    async def _hits(
        self, read: Read, hitting: list[Contender], answers: Mapping[str, Answer]
    ) -> dict[str, list[Sample]]:
        ours = answers[self._servers.default.name]
        async with bare_application(ours, self._folder, self._processors) as bare:
            sent = await recorded(bare, read, self._data)
            if sent.body != ours.body or _names(sent) != _names(ours):
                raise WrongAnswer(f"the bare application sends {_names(sent)}, the gateway {_names(ours)}")
            everyone = [hitting[0], bare, *hitting[1:]]
            return await self._by_wrk(read, everyone)

    async def _by_wrk(self, read: Read, contenders: Sequence[Contender]) -> dict[str, list[Sample]]:
        checks: dict[str, Expected] = {}
        for each in contenders:
            checks[each.name] = expected(each, await recorded(each, read, self._data), self._folder)

        async def measure(contender: Contender, _: int) -> Sample:
            headers = read.headers(contender, self._data)
            return await by_wrk(contender, read.path, headers, checks[contender.name], self._options.seconds)

        await in_turns(contenders, 1, measure)  # warm
        found = await in_turns(contenders, self._options.rounds, measure)
        return {name: list(samples) for name, samples in found.items()}

    async def _misses(self, read: Read) -> dict[str, list[Sample]]:
        contenders, number = [self._servers.default, self._servers.monolith], MISSES[read.name]
        lists: dict[str, list[Request]] = {
            each.name: await misses(each, self._data, read.name, self._options.rounds * number) for each in contenders
        }

        async def measure(contender: Contender, round_number: int) -> Sample:
            return await by_list(contender, lists[contender.name][round_number * number :][:number])

        found = await in_turns(contenders, self._options.rounds, measure)
        return {name: list(samples) for name, samples in found.items()}

    async def _steady(self, read: Read, a_second: float, answers: Mapping[str, Answer]) -> dict[str, list[Sample]]:
        async def measure(contender: Contender, _: int) -> Sample:
            check = always(contender, answers[contender.name])
            request = get(read.path, check, read.headers(contender, self._data))
            return await by_rate(contender, request, a_second, self._options.seconds)

        contenders = [self._servers.default, self._servers.monolith]
        found = await in_turns(contenders, self._options.rounds, measure)
        return {name: list(samples) for name, samples in found.items()}


def _names(answer: Answer) -> list[bytes]:
    """The names of its headers, whatever their order."""
    return sorted(name for name, _ in answer.headers)


async def run(options: Options, folder: Path) -> bool:
    """Print the report as soon as it is there, before anything is stopped; whether all that is asked for was found."""
    server, others = apart()
    before, mixes = load_average(), list[Mixed]()
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(serving(folder, options.strategies, server, others))
        bench = Bench(servers, options, folder, server)
        found = []
        for read in reads_of(servers.data) if options.parts else []:
            if any(word in read.name for word in options.reads):
                print(f"{read.name} ...", file=sys.stderr, flush=True)
                found.append(await bench.measure(read))
        if options.mix_seconds:
            print("the mixed load ...", file=sys.stderr, flush=True)
            mixes = await _mixed(servers, folder, options.mix_seconds)
        machine = (
            f"On {describe(*PACKAGES)}. The server that is measured has processor {_list(server)} to itself; the load, "
            f"the databases and all other processes share {_list(others)}. Load average {before} before, "
            f"{load_average()} at the end. Medians of {options.rounds} rounds of {options.seconds:g} s, everyone in "
            "turn; a ratio is the median of the rounds' own, with the least and the greatest."
        )
        text, met = report(servers, machine, found, mixes)
        print(text, flush=True)
    return met


async def _mixed(servers: Servers, folder: Path, seconds: float) -> list[Mixed]:
    """Each mix, the further ones in half the time."""
    async with servers.running.client() as client:
        owners = await owners_of(client, folder)
        times = [seconds, *[seconds / 2] * (len(WRITES) - 1)]
        mixes = [Mix(owners, write_in) for write_in in WRITES]
        url = servers.running.base_url
        return [await mixed(client, url, mix, time) for mix, time in zip(mixes, times, strict=True)]


def _list(processors: set[int]) -> str:
    return ", ".join(map(str, sorted(processors)))


def _arguments(given: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="python -m bench.cache")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--mix-seconds", type=float, default=400.0)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--reads", default="strategy,list,equity")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> str | None:
    """Measure; returns what to end with, None when all that is asked for was found."""
    asked = _arguments(given)
    parts = [part for part in asked.only.split(",") if part]
    options = Options(asked.rounds, asked.seconds, asked.mix_seconds, parts, asked.reads.split(","))
    try:
        find_wrk()
        with tempfile.TemporaryDirectory() as folder:
            met = asyncio.run(run(options, Path(folder)))
    except (NoWrk, TooFewProcessors, WrongAnswer) as error:
        return str(error)
    return None if met else "less was found than is asked for"


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(main(sys.argv[1:]))
