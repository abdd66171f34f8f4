"""How often a read is a hit when people use the system: the load suite's mix, some things read far more than others.

The weights are the load suite's (health 100, metrics 50, and 50 each for lists and singles of strategies and of
backtests), with a login in a hundred requests and some writes. Who asks and for what is drawn by Zipf's law (the n-th
most popular is asked for 1/n as often as the first). Counted by the application itself, type by type: the difference of
its counters after a time of warming up and at the end. What the client saw in Cache-Status is told too.

What a write changes has to be read anew, the strategy and every page of its owner's list, so that the share of writes
bounds the rate of hits whatever the cache does. One write in a thousand requests, at five a second of each owner, is
one for each owner every three minutes; one in a hundred is told beside it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from bench.caching.account import Account
from bench.caching.data import backtested, hourly_bars, store_strategies, uploaded
from bench.serving.client import at_rate
from cli.load.scenarios import READ_WEIGHTS
from cli.load.wire import Answer, Request, WrongAnswer, get, wire_of

OWNERS = 20
STRATEGIES = 20
BACKTESTS = 5
"""Of each owner."""
RATE = 100.0
"""Requests a second."""
WARM_UP = 0.25
"""Of the time, for which nothing is counted."""
CONNECTIONS = 32
BARS = 500
SETTLED_SECONDS = 3.0
"""Processes report what they counted once a second."""

WEIGHTS = {**READ_WEIGHTS, "login": 4}
WRITES = (1000, 100)
"""One write in so many requests."""
LISTS = ("", "?limit=20", "?sort=-updated_at")
"""Which pages are asked for, from the most popular to the least."""
TYPES = ("strategy", "strategies", "backtest", "backtests")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counts:
    """Reads of one type: answered by the cache, and all."""

    hits: int
    reads: int

    @property
    def rate(self) -> float:
        """The fraction that were hits; 0 without any."""
        return self.hits / self.reads if self.reads else 0.0


@dataclass(frozen=True, slots=True)
class Mixed:
    """What a run of the mix came to, with a write in so many requests.

    `seen` is by Cache-Status, of everything; `lag_p99` is in seconds.
    """

    write_in: int
    by_type: dict[str, Counts]
    seen: Counts
    seconds: float
    requests: int
    lag_p99: float

    @property
    def total(self) -> Counts:
        """Of all types."""
        return Counts(
            sum(each.hits for each in self.by_type.values()), sum(each.reads for each in self.by_type.values())
        )


@dataclass(slots=True)
class Owner:
    """An account with what it has, from the most popular to the least."""

    account: Account
    strategies: list[str] = field(default_factory=list)
    backtests: list[str] = field(default_factory=list)


async def owners_of(client: httpx.AsyncClient, folder: Path) -> list[Owner]:
    """Make the owners and what they have. Raises WrongAnswer."""
    bars = await asyncio.to_thread(hourly_bars, folder / "mix.csv", BARS)
    return [await _owner(client, bars) for _ in range(OWNERS)]


async def mixed(client: httpx.AsyncClient, base_url: str, mix: "Mix", seconds: float) -> Mixed:
    """Warm up, and count. Raises WrongAnswer."""
    await asyncio.to_thread(at_rate, base_url, mix.requests(round(seconds * WARM_UP * RATE)), RATE, CONNECTIONS)
    await asyncio.sleep(SETTLED_SECONDS)
    before, seen_before = await _counted(client), mix.seen
    counted = round(seconds * (1 - WARM_UP) * RATE)
    load = await asyncio.to_thread(at_rate, base_url, mix.requests(counted), RATE, CONNECTIONS)
    await asyncio.sleep(SETTLED_SECONDS)
    after, seen = await _counted(client), mix.seen
    by_type = {
        kind: Counts(after[kind].hits - before[kind].hits, after[kind].reads - before[kind].reads) for kind in TYPES
    }
    lag = sorted(load.lags)[round(0.99 * (len(load.lags) - 1))]
    of_clients = Counts(seen.hits - seen_before.hits, seen.reads - seen_before.reads)
    return Mixed(mix.write_in, by_type, of_clients, load.seconds, counted, lag)


async def _owner(client: httpx.AsyncClient, bars: Path) -> Owner:
    account = await Account.register(client)
    await store_strategies(account, STRATEGIES)
    dataset_id = await uploaded(account, bars)
    runs = [await backtested(account, dataset_id, fast) for fast in range(3, 3 + BACKTESTS)]
    page = await account.call("GET", "/strategies", 200)
    return Owner(account, [each["id"] for each in page["items"]], runs)


class Mix:
    """Draws requests, the same ones each time, and counts what Cache-Status says of the answers."""

    def __init__(self, owners: Sequence[Owner], write_in: int) -> None:
        self.write_in = write_in
        self._owners = owners
        self._dice = random.Random(6)
        self._found: Counter[bool] = Counter()
        self._written = 0
        self._makers: dict[str, Callable[[Owner], Request]] = {
            "health": lambda _: get("/health", _plain),
            "metrics": lambda _: get("/metrics", _plain, {"Accept": "application/json"}),
            "strategies": lambda owner: self._read(owner, f"/api/v1/strategies{self._popular(LISTS)}"),
            "strategy": lambda owner: self._read(owner, f"/api/v1/strategies/{self._popular(owner.strategies)}"),
            "backtests": lambda owner: self._read(owner, f"/api/v1/backtests{self._popular(LISTS[:2])}"),
            "backtest": lambda owner: self._read(owner, f"/api/v1/backtests/{self._popular(owner.backtests)}"),
            "login": self._login,
            "write": self._write,
        }

    @property
    def seen(self) -> Counts:
        """What Cache-Status has said so far."""
        return Counts(self._found[True], self._found.total())

    def requests(self, number: int) -> Iterator[Request]:
        """Yield so many."""
        # A write in n requests: as much as the n-1 others weigh together, divided by as many.
        weighted = {**WEIGHTS, "write": sum(WEIGHTS.values()) / (self.write_in - 1)}
        kinds, weights = list(weighted), list(weighted.values())
        for kind in self._dice.choices(kinds, weights, k=number):
            yield self._makers[kind](self._popular(self._owners))

    def _popular(self, things: Sequence[T]) -> T:
        shares = list(accumulate(1 / rank for rank in range(1, len(things) + 1)))
        return self._dice.choices(things, cum_weights=shares)[0]

    def _read(self, owner: Owner, path: str) -> Request:
        return get(path, self._seen, owner.account.headers)

    def _seen(self, answer: Answer) -> None:
        _plain(answer)
        self._found["; hit" in answer.headers.get("cache-status", "")] += 1

    def _login(self, _: Owner) -> Request:
        # Of all alike: accounts are held to some logins a minute.
        credentials = self._dice.choice(self._owners).account.credentials
        return _sent("POST", "/api/v1/auth/login", {}, credentials)

    def _write(self, owner: Owner) -> Request:
        self._written += 1
        path = f"/api/v1/strategies/{self._popular(owner.strategies)}"
        return _sent("PATCH", path, owner.account.headers, {"description": f"Change {self._written}"})


def _sent(method: str, path: str, headers: dict[str, str], body: dict[str, str]) -> Request:
    return Request(wire_of(method, path, headers, msgspec.json.encode(body)), _plain)


def _plain(answer: Answer) -> None:
    if answer.status != 200:
        raise WrongAnswer(f"an answer of the mix: {answer.status} {answer.body[:300]!r}")


_LINE = "aurelius_cache_"
_KINDS = {"l1_hits_total": (1, 1), "hits_total": (1, 1), "misses_total": (0, 1), "bypass_total": (0, 1)}
"""What a count adds to the hits and to the reads. What L1 does not have is looked up in L2, and counted there."""


async def _counted(client: httpx.AsyncClient) -> dict[str, Counts]:
    """Return the application's own counters, whatever labels they have beside the type."""
    answer = await client.get("/metrics", headers={"Accept": "text/plain"})
    if answer.status_code != 200:
        raise WrongAnswer(f"/metrics: {answer.status_code} {answer.text[:300]}")
    return counts_of(answer.text)


def counts_of(text: str) -> dict[str, Counts]:
    """Return hits and reads by type, out of the text for Prometheus."""
    found = {kind: [0, 0] for kind in TYPES}
    for line in text.splitlines():
        name, _, rest = line.removeprefix(_LINE).partition("{")
        labels, _, value = rest.rpartition("} ")
        if not line.startswith(_LINE) or name not in _KINDS:
            continue
        for kind in TYPES:
            if f'type="{kind}"' in labels.split(","):
                hits, reads = _KINDS[name]
                found[kind][0] += hits * round(float(value))
                found[kind][1] += reads * round(float(value))
    return {kind: Counts(*numbers) for kind, numbers in found.items()}
