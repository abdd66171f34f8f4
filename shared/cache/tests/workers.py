"""Two processes with a first level each, over one second level, as in the protocol's model: every step is a choice.

The second level is what the model of it establishes: a read returns what is committed, and it accepts a value only if
that is not below its floor. A writer raises, commits, acknowledges. A feed keeps order, and may go silent unnoticed.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.cache.local import Flight, Held, LocalCache
from shared.cache.record import Entry

OBJECT = "strategy:1"
KEY = (OBJECT, "doc")
CAPACITY = 1 << 20
FAR = 1e9


class Broken(Exception):
    """A promise was not kept; the text names it as the model does."""


class NoFloor(LocalCache):
    """Forgets what was announced while a read was under way."""

    def keep(self, flight: Flight, variant: str, entry: Entry, expires: float, refresh_at: float) -> Held | None:
        """Keep it as if nothing had been announced."""
        flight.floor = 0
        return super().keep(flight, variant, entry, expires, refresh_at)


class NoPing(LocalCache):
    """Takes the feed for heard as long as the connection seems to be there."""

    def get(self, key: tuple[str, str], least: int, now: float) -> Held | None:
        """Serve without a lease."""
        self.fresh_until = FAR
        return super().get(key, least, now)


class NoEpoch(LocalCache):
    """Keeps what was asked for before the feed was lost."""

    def _current(self, flight: Flight) -> bool:
        return self._listening


class NoToken(LocalCache):
    """Does not look at the version that the reader must see."""

    def get(self, key: tuple[str, str], least: int, now: float) -> Held | None:
        """Drop `least`."""
        del least
        return super().get(key, 0, now)


@dataclass
class Worker:
    """A process. `proven` is what everybody had seen when the last PING that was answered was sent."""

    cache: LocalCache
    connected: bool = True
    queue: deque[tuple[str, int]] = field(default_factory=deque)
    proven: int = 0

    def read(self) -> Entry | None:
        """What its first level answers with no token."""
        held = self.cache.get(KEY, 0, 0.0)
        return None if held is None else held.entry


@dataclass
class Reading:
    """A read that the first level did not answer."""

    worker: Worker
    flight: Flight
    entry: Entry
    accepted: bool
    token: int


class World:
    """One history. `asks_l2`: what the second level refused is not kept. `writes`: the client is the writer.

    `notices`: a process finds out, at some time, that its feed is cut.
    """

    def __init__(self, cache: Callable[[int], LocalCache], *, asks_l2: bool, writes: bool, notices: bool) -> None:
        self.asks_l2, self.writes, self.notices = asks_l2, writes, notices
        self.workers = [Worker(cache(CAPACITY)) for _ in range(2)]
        for worker in self.workers:
            worker.cache.opened()
            worker.cache.fresh_until = FAR
        self.committed = self.floor = self.seen = self.token = self.visible = 0
        self.stage = "idle"
        self.breaks, self.pings, self.reads = 1, 3, 4
        self.reading: Reading | None = None

    def choices(self) -> list[Callable[[], None]]:
        """Every step that can come next."""
        steps: list[Callable[[], None]] = []
        if not (self.stage == "idle" and self.committed == 2):
            steps.append({"idle": self.announce, "raised": self.commit, "committed": self.acknowledge}[self.stage])
        for worker in self.workers:
            steps += self._of(worker)
        if self.reading is not None:
            steps.append(self.end_read)
        return steps

    def _of(self, worker: Worker) -> list[Callable[[], None]]:
        steps: list[Callable[[], None]] = []
        if worker.queue:
            steps.append(lambda: self.hear(worker))
        if worker.connected and self.pings and not any(kind == "pong" for kind, _ in worker.queue):
            steps.append(lambda: self.ping(worker))
        if worker.cache.fresh_until:
            steps.append(lambda: setattr(worker.cache, "fresh_until", 0.0))
        if self.breaks and worker.connected:
            steps.append(lambda: self.cut(worker))
        if not worker.connected and self.notices:
            steps.append(lambda: self.reconnect(worker))
        if self.reading is None and self.reads:
            steps.append(lambda: self.read(worker))
        return steps

    def announce(self) -> None:
        """RAISE, which publishes."""
        self.stage, self.floor = "raised", self.committed + 1
        for worker in self.workers:
            if worker.connected:
                worker.queue.append(("raised", self.floor))

    def commit(self) -> None:
        """COMMIT."""
        self.stage, self.committed = "committed", self.committed + 1

    def acknowledge(self) -> None:
        """Tell the writer, with a token."""
        self.stage, self.visible = "idle", max(self.visible, self.committed)
        if self.writes:
            self.token = self.committed

    def hear(self, worker: Worker) -> None:
        """Take the next message of the feed."""
        kind, value = worker.queue.popleft()
        if kind == "raised":
            worker.cache.raised(OBJECT, value)
        else:
            worker.cache.fresh_until, worker.proven = FAR, value

    def ping(self, worker: Worker) -> None:
        """The server reads a PING, and answers after what it has published."""
        self.pings -= 1
        worker.queue.append(("pong", self.visible))

    def cut(self, worker: Worker) -> None:
        """Half of the network is gone, and what was on its way with it."""
        self.breaks -= 1
        worker.connected = False
        worker.queue.clear()

    def reconnect(self, worker: Worker) -> None:
        """The process finds out, and subscribes again."""
        worker.cache.lost()
        worker.cache.opened()
        worker.connected = True

    def read(self, worker: Worker) -> None:
        """The client reads, with what it has seen as its token."""
        self.reads -= 1
        held = worker.cache.get(KEY, max(self.token, self.seen), 0.0)
        if held is not None:
            version = held.entry.version
            if version < worker.proven:
                raise Broken("BOUND")
            self._returned(version, self.token)
            return
        flight = worker.cache.begin(OBJECT)
        entry = Entry(self.committed, f'"{self.committed}"', "owner", b"{}")
        self.reading = Reading(worker, flight, entry, self.committed >= self.floor, self.token)

    def end_read(self) -> None:
        """The answer is processed at last."""
        reading, self.reading = self.reading, None
        assert reading is not None
        if reading.accepted or not self.asks_l2:
            reading.worker.cache.keep(reading.flight, "doc", reading.entry, FAR, FAR)
        reading.worker.cache.end(reading.flight)
        self._returned(reading.entry.version, reading.token)

    def _returned(self, version: int, token: int) -> None:
        if version < token:
            raise Broken("RYW")
        if version < self.seen:
            raise Broken("MONO")
        self.seen = max(self.seen, version)
        self.visible = max(self.visible, version)

    def check(self) -> None:
        """When all is quiet nothing old is served. Raises Broken."""
        if self.stage != "idle" or self.reading or any(worker.queue for worker in self.workers):
            return
        for worker in self.workers:
            if worker.connected or not self.notices:
                entry = worker.read()
                if entry is not None and entry.version < self.committed:
                    raise Broken("EC")


def walk(
    cache: Callable[[int], LocalCache],
    walks: int,
    *,
    asks_l2: bool = True,
    writes: bool = False,
    notices: bool = True,
) -> str | None:
    """Walk so many histories, the same each time; return the first promise that is broken."""
    for seed in range(walks):
        choose = random.Random(seed)
        world = World(cache, asks_l2=asks_l2, writes=writes, notices=notices)
        try:
            for _ in range(40):
                steps = world.choices()
                if not steps:
                    break
                choose.choice(steps)()
                world.check()
        except Broken as broken:
            return str(broken)
    return None
