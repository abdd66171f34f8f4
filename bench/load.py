"""`python -m bench.load`: the load suite's own figures beside wrk's, of reads at a rate that both can hold.

    python -m bench.load [--rate 200] [--seconds 10] [--rounds 5]

Both send so many requests a second, evenly spaced: wrk itself knows no rates, its script says when each is due. What is
answered past the cache is asked for SELDOM as often. wrk counts from when a request is sent, ours from when it is due,
and both are late by what their own work takes, ours more: it is Python. How much more is measured as well, at each
rate, at a bare application on the gateway's own server that sends one of the answers. Rounds take turns, so that all
meet the machine as it is. The median of the rounds' ratios, as it is or less what the load takes itself, has to be
within BOUND of 1 for each read.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil

from bench.caching.servers import bare_application
from bench.ending import undone_when_ended
from bench.serving import bare
from bench.serving.client import at_rate, one_after_another
from bench.serving.wrk import Expected, find_wrk, run_wrk
from bench.spread import Spread, spread
from cli.load.accounts import Account, accounts
from cli.load.wire import Answer, Request, get
from tests.e2e.platform import platform

BOUND = 0.15
CONNECTIONS = 16
PAST = {"Cache-Control": "no-cache"}
SELDOM = 1 / 4


@dataclass(slots=True)
class Read:
    """A URL, what it answers, and the medians of each round in seconds; asked for `often` times the rate.

    `nothing` is the read of an application that does nothing, at the same rate; such a read itself has none.
    """

    name: str
    url: str
    headers: dict[str, str]
    expected: Expected
    often: float = 1.0
    nothing: "Read | None" = None
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def request(self) -> Request:
        """Return it for the load suite's client, which holds the answer against the recorded one, as wrk does."""
        parts, body = urlsplit(self.url), self.expected.body.read_bytes()

        def same(answer: Answer) -> None:
            if answer.status != 200 or answer.body != body:
                sys.exit(f"{self.name}: the answer is another one, with status {answer.status}")

        return get(parts.path, same, {"Host": parts.netloc, **self.headers})

    def own(self) -> float:
        """Return how many seconds more than wrk the load takes itself, if this is the read of nothing."""
        return median(one - other for one, other in zip(self.ours, self.theirs, strict=True))

    def agreement(self, own: float = 0.0) -> Spread:
        """Return the rounds' ratios, once `own` seconds are taken off what the load suite found."""
        return spread((one - own) / other for one, other in zip(self.ours, self.theirs, strict=True))


def main() -> int:
    """Return the exit status: 0 when both agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    find_wrk()
    return 0 if told(asyncio.run(_measured(given)), given) else 1


def told(reads: Sequence[Read], given: argparse.Namespace) -> bool:
    """Print what was found; return whether all agree."""
    print(f"{given.rounds} rounds of {given.seconds:g} s each; medians in ms, ratios with the least and the greatest.")
    agree = True
    for read in reads:
        plain = read.agreement()
        line = (
            f"{read.name:<26} {given.rate * read.often:4.0f}/s: "
            f"ours {median(read.ours) * 1e3:7.3f}, wrk {median(read.theirs) * 1e3:7.3f}, ratio {plain.told(3)}"
        )
        if read.nothing is not None:
            own = read.nothing.own()
            less = read.agreement(own)
            line += f", less the {own * 1e3:.3f} that the load takes more itself {less.told(3)}"
            agree &= min(abs(plain.median - 1), abs(less.median - 1)) <= BOUND
        print(line)
    print(f"as they are, or less what the load takes itself: {'within' if agree else 'NOT within'} {BOUND:.0%}")
    return agree


async def _measured(given: argparse.Namespace) -> list[Read]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with platform(folder) as running, _reads(running.base_url, folder) as reads:
            for number in range(given.rounds):
                for read in reads:
                    await _round(read, given, wrk_first=number % 2 == 1)
            return reads


@asynccontextmanager
async def _reads(url: str, folder: Path) -> AsyncIterator[list[Read]]:
    """Of an account of its own, which is closed in the end."""
    left: list[str] = []
    making = accounts(url, 1, partial(print, file=sys.stderr), left)
    # In threads: the platform's output is read here.
    (owner,) = await asyncio.to_thread(making.__enter__)
    try:
        hit = await asyncio.to_thread(_recorded, "a strategy from L1", url, _one(owner), owner, folder, {})
        past = await asyncio.to_thread(_recorded, "a strategy past the cache", url, _one(owner), owner, folder, PAST)
        page = await asyncio.to_thread(
            _recorded, "the list past the cache", url, "/api/v1/strategies", owner, folder, PAST
        )
        answer = bare.Answer(200, [(b"content-type", b"application/json")], hit.expected.body.read_bytes())
        everywhere = set(psutil.Process().cpu_affinity() or ())
        async with bare_application(answer, folder, everywhere) as server:
            often, seldom = (
                Read("the bare application", f"{server.url}{_one(owner)}", hit.headers, hit.expected, often)
                for often in (hit.often, past.often)
            )
            hit.nothing, past.nothing, page.nothing = often, seldom, seldom
            yield [often, seldom, hit, past, page]
    finally:
        await asyncio.to_thread(making.__exit__, None, None, None)


def _one(owner: Account) -> str:
    return f"/api/v1/strategies/{owner.strategies[0]}"


def _recorded(name: str, url: str, path: str, owner: Account, folder: Path, more: dict[str, str]) -> Read:
    """Ask once, and write down the answer."""
    headers = {"Authorization": owner.authorization, **more}
    seen: list[Answer] = []
    one_after_another(url, [get(path, seen.append, {"Host": urlsplit(url).netloc, **headers})], 1)
    if seen[0].status != 200:
        sys.exit(f"{name}: {seen[0].status} {seen[0].body.decode(errors='replace')}")
    body = folder / f"{name}.body"
    body.write_bytes(seen[0].body)
    return Read(name, f"{url}{path}", headers, Expected(body), often=SELDOM if more else 1.0)


async def _round(read: Read, given: argparse.Namespace, *, wrk_first: bool) -> None:
    """Measure one read by both."""
    rate = given.rate * read.often
    theirs = partial(
        run_wrk, read.url, read.headers, read.expected, seconds=given.seconds, connections=CONNECTIONS, rate=rate
    )
    requests = [read.request()] * round(rate * given.seconds)
    if wrk_first:
        found = await theirs()
    load = await asyncio.to_thread(at_rate, read.url, requests, rate, CONNECTIONS)
    if not wrk_first:
        found = await theirs()
    read.ours.append(median(load.latencies))
    read.theirs.append(found.p50)
    print(
        f"{read.name}: ours {len(load.latencies) / load.seconds:.1f}/s, sent {median(load.lags) * 1e3:.3f} ms late; "
        f"wrk {found.rate:.1f}/s",
        file=sys.stderr,
    )


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(main())
