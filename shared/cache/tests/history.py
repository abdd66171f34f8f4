"""One history of a cache and a database: readers, writers, openers, events and losses, a step at a time, as chosen."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from shared.cache.opening import Opening
from shared.cache.orphans import ORPHAN_AFTER_MS
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Hit, Miss
from shared.cache.tests.labs import Lab

OBJECT = "strategies:1"
VARIANTS = ("doc", "q=" + "long " * 40)
LONG = ORPHAN_AFTER_MS / 1000 + 1
READERS = 3

T = TypeVar("T")
Step = Callable[[], Awaitable[None]]


class Choose(Protocol):
    """Takes one of several: at random, or as a search wants it."""

    def __call__(self, options: Sequence[T], /) -> T:
        """Return one of them."""


@dataclass(eq=False)
class Transaction:
    """One that holds the object's row lock and is to give it `version`; `raised`: the cache has answered."""

    writer: str
    version: int
    raised: bool = False


@dataclass(eq=False)
class Reader:
    """One that missed, or was sent past the cache; `row` is what the database answered, when it has been asked.

    What he returns must not be below `least`: all that was committed, or returned to anybody, before he began.
    """

    variant: str
    lease: str | None
    least: int
    row: Entry | None = None


class History:
    """The database is a version per object; events are delivered in any order and may be delivered again.

    `available`: writers go on when a raise is not answered; then a read is never older than an event that was applied,
    nor than its token. Else it is never older than any commit. `waits`: openers wait for the transactions that were
    running when they began. `raises`: writers raise floors.
    """

    def __init__(
        self, lab: Lab, choose: Choose, *, available: bool = False, waits: bool = True, raises: bool = True
    ) -> None:
        self._lab = lab
        self._choose = choose
        self._available = available
        self._waits = waits
        self._raises = raises
        self._database = 1
        self._visible = 1
        self._applied = 1
        self._writers = 0
        self._running: Transaction | None = None
        self._late_raises: list[Transaction] = []
        self._late_returns: list[Transaction] = []
        self._events: list[int] = []
        self._readers: list[Reader] = []
        self._opening: tuple[Opening, Transaction | None] | None = None
        self._kept: object = None
        self._abandoned = 0

    async def step(self) -> None:
        """Do one thing that can happen now. Raises AssertionError when it breaks a promise."""
        await self._choose(self._possible())()

    def _possible(self) -> list[Step]:
        running = self._running
        steps: list[Step] = [self._begin_a_read, self._read_at_once, self._read_at_once, self._lose, self._keep]
        if running is None:
            steps += [self._begin_a_write, self._begin_a_write, self._pass_time]
        else:
            steps += [self._commit if running.raised else self._raise_the_floor, self._roll_back]
        if any(reader.row is None for reader in self._readers):
            steps += [self._read_the_database] * 2
        if any(reader.row for reader in self._readers):
            steps += [self._end_a_read] * 2
        steps += [self._begin_to_open if self._opening is None else self._finish_opening] * 2
        steps += [self._a_raise_arrives_late] * bool(self._late_raises)
        steps += [self._take_back_late] * bool(self._late_returns)
        steps += [self._deliver_an_event] * bool(self._events)
        steps += [self._fail_over] * (self._kept is not None)
        return steps

    def _row(self, variant: str) -> Entry:
        """What the database answers now."""
        version = self._database
        return Entry(version, f'"{version}"', "owner", f"{variant} {version}".encode())

    def _returned(self, variant: str, entry: Entry, least: int) -> None:
        """The promises: a read returns what was committed and was the newest at some moment of it."""
        assert entry.version >= least, "older than what was to be seen"
        assert entry.version <= self._database, "never committed"
        assert entry.body == f"{variant} {entry.version}".encode(), "not what was stored"
        self._visible = max(self._visible, entry.version)

    async def _begin_a_write(self) -> None:
        """Take the row lock."""
        self._writers += 1
        self._running = Transaction(f"writer-{self._writers}", self._database + 1)

    async def _raise_the_floor(self) -> None:
        """Before COMMIT."""
        assert self._running is not None
        if self._raises and not (self._available and self._choose((True, False))):
            await self._lab.floors.raise_({OBJECT: self._running.version}, self._running.writer)
        self._running.raised = True

    async def _commit(self) -> None:
        """The event comes at once or later."""
        assert self._running is not None
        self._database = self._visible = self._running.version
        self._events = [*self._events, self._database][-3:]
        self._running = None
        if self._choose((True, False)):
            await self._deliver(self._database)

    async def _roll_back(self) -> None:
        """Take back what was raised, by and by; or die; or give up on a raise that is still on its way."""
        transaction, self._running = self._running, None
        assert transaction is not None
        lives = self._choose((True, True, False))
        if not transaction.raised:
            self._late_raises += [transaction] * lives
        elif lives:
            self._late_returns += [transaction]
        else:
            self._abandoned = max(self._abandoned, transaction.version)

    async def _take_back_late(self) -> None:
        """The row lock is gone already: the next writer may have begun."""
        transaction = self._late_returns.pop()
        await self._lab.floors.take_back({OBJECT: transaction.version}, transaction.writer)

    async def _a_raise_arrives_late(self) -> None:
        """Its writer has ended."""
        transaction = self._late_raises.pop()
        await self._lab.floors.raise_({OBJECT: transaction.version}, transaction.writer)
        self._abandoned = max(self._abandoned, transaction.version)

    async def _deliver_an_event(self) -> None:
        """Any event, for the first time or again."""
        await self._deliver(self._choose(self._events))

    async def _deliver(self, version: int) -> None:
        await self._lab.store.invalidate({OBJECT: version})
        self._applied = max(self._applied, version)

    def _least(self, min_version: int) -> int:
        """What a read that begins now must see."""
        return max(min_version, self._applied if self._available else self._visible)

    async def _begin_a_read(self) -> None:
        """With the token of the last write, or without one."""
        await self._look_up(self._choose(VARIANTS), self._choose((self._database, 0)))

    async def _look_up(self, variant: str, min_version: int) -> None:
        """Hit, or go to the database, which may be long after."""
        least = self._least(min_version)
        result = await self._lab.store.get(OBJECT, variant, min_version=min_version)
        if isinstance(result, Hit):
            self._returned(variant, result.entry, least)
        else:
            lease = result.lease if isinstance(result, Miss) else None
            self._readers = [*self._readers, Reader(variant, lease, least)][-READERS:]

    async def _read_the_database(self) -> None:
        """The offer to the cache may come much later."""
        reader = self._choose([reader for reader in self._readers if reader.row is None])
        reader.row = self._row(reader.variant)

    async def _end_a_read(self) -> None:
        """Fill at last; another reader comes right after it."""
        reader = self._choose([reader for reader in self._readers if reader.row])
        self._readers.remove(reader)
        assert reader.row is not None
        if reader.lease is not None:
            await self._lab.store.fill(OBJECT, reader.variant, reader.lease, reader.row)
        self._returned(reader.variant, reader.row, reader.least)
        await self._look_up(reader.variant, 0)

    async def _read_at_once(self) -> None:
        """With nobody in between it is stored and served: the cache does not buy freshness by refusing."""
        variant, current, least = self._choose(VARIANTS), self._database, self._least(0)
        result = await self._lab.store.get(OBJECT, variant)
        if isinstance(result, Miss):
            outcome = await self._lab.store.fill(OBJECT, variant, result.lease, self._row(variant))
            assert outcome is FillOutcome.STORED or self._floor_may_be_above(), f"not stored: {outcome}"
            result = await self._lab.store.get(OBJECT, variant)
            assert isinstance(result, Hit) or outcome is not FillOutcome.STORED, "stored and not served"
        if isinstance(result, Hit):
            self._returned(variant, result.entry, least)
        else:
            self._visible = max(self._visible, current)

    def _floor_may_be_above(self) -> bool:
        """Whether a floor above the database is no mistake: somebody is about to commit, or has failed to."""
        return self._running is not None or bool(self._late_returns) or self._abandoned > self._database

    async def _begin_to_open(self) -> None:
        """If it is closed, or the last opener has given up."""
        opening = await self._lab.openings.begin("strategy")
        if opening is not None:
            self._opening = opening, self._running

    async def _finish_opening(self) -> None:
        """Once the transaction that was running at the beginning has ended."""
        assert self._opening is not None
        opening, awaited = self._opening
        if awaited is None or self._running is not awaited or not self._waits:
            await self._lab.openings.finish(opening)
            self._opening = None

    async def _lose(self) -> None:
        """The server evicts, or is flushed. A head stays that a writer has just raised who is about to commit."""
        variant = self._choose(VARIANTS)
        safe = self._running is not None and self._running.raised
        losses: list[Callable[[], Awaitable[None]]] = [
            lambda: self._lab.evict_entry(OBJECT, variant),
            lambda: self._lab.evict_variants(OBJECT),
            lambda: self._lab.evict_state("strategy"),
            self._lab.lose,
        ]
        if not safe:
            losses.append(lambda: self._lab.evict_head(OBJECT))
        await self._choose(losses)()

    async def _keep(self) -> None:
        """The server writes a file, or a replica falls behind from here on."""
        self._kept = await self._lab.keep()

    async def _fail_over(self) -> None:
        """Another process takes over, with what was kept."""
        await self._lab.roll_back(self._kept)

    async def _pass_time(self) -> None:
        """So long that a writer who was at it would have been cut off; readers have no such limit."""
        await self._lab.pass_time(LONG)
        for reader in self._readers:
            if reader.lease is not None:
                reader.lease = self._lab.aged(reader.lease, LONG)
        self._abandoned = 0
        self._kept = None  # the times in it would be of before
