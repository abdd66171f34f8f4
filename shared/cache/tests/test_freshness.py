"""Any interleaving of readers, writers, events and losses: nobody is ever served less than was promised."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from shared.cache.fake import FakeCacheStore
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Hit, Miss
from shared.cache.tests.labs import FakeLab, Lab, ServerLab
from shared.cache.tests.mutants import DeleteOnEvent, FloorsOnly, IgnoresTokens, LastEventWins
from tests.servers import ValkeyServer

OBJECT = "strategies:1"
VARIANTS = ("doc", "q=" + "long " * 40)

variants = st.sampled_from(VARIANTS)


@dataclass
class Reader:
    """One that missed and has read the database; when it fills is another matter."""

    variant: str
    lease: str
    row: Entry


class Interleavings(RuleBasedStateMachine):
    """The database is a version per object; events are delivered in any order and may be delivered again."""

    open_lab: ClassVar[type[FakeCacheStore] | str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.lab: Lab = self.runner.run(self.open())
        self.database = 1
        self.applied = 0
        self.events: list[int] = []
        self.readers: list[Reader] = []

    async def open(self) -> Lab:
        """An empty cache of the kind under test."""
        if isinstance(self.open_lab, str):
            lab = ServerLab(self.open_lab)
            await lab.wipe()
            return lab
        return FakeLab(self.open_lab())

    def teardown(self) -> None:
        """End this history."""
        self.runner.run(self.lab.close())
        self.runner.close()

    def row(self, variant: str) -> Entry:
        """What the database answers now."""
        version = self.database
        return Entry(version, f'"{version}"', "owner", f"{variant} {version}".encode())

    def check(self, variant: str, served: Entry, min_version: int) -> None:
        """The promises."""
        assert served.version >= self.applied, "older than an event already applied"
        assert served.version >= min_version, "older than the reader's token"
        assert served.version <= self.database, "never committed"
        assert served.body == f"{variant} {served.version}".encode(), "not what was stored"

    @rule(delivered=st.booleans())
    def write(self, delivered: bool) -> None:
        """Commit; the event comes at once or later."""
        self.database += 1
        self.events.append(self.database)
        if delivered:
            self.apply(self.database)

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def deliver_an_event_once_more(self, data: st.DataObject) -> None:
        """Any event, for the first time or again."""
        self.apply(data.draw(st.sampled_from(self.events)))

    def apply(self, version: int) -> None:
        """What the invalidator does."""
        self.runner.run(self.lab.store.invalidate({OBJECT: version}))
        self.applied = max(self.applied, version)

    @rule(variant=variants, token=st.booleans())
    def begin_a_read(self, variant: str, token: bool) -> None:
        """With the token of the last write, or without one."""
        self.look_up(variant, self.database if token else 0)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def end_a_read(self, data: st.DataObject) -> None:
        """Fill at last; another reader comes right after it."""
        reader = self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        self.runner.run(self.lab.store.fill(OBJECT, reader.variant, reader.lease, reader.row))
        self.look_up(reader.variant, 0)

    def look_up(self, variant: str, min_version: int) -> None:
        """Hit, or read the database; the fill may come much later."""
        result = self.runner.run(self.lab.store.get(OBJECT, variant, min_version=min_version))
        if isinstance(result, Hit):
            self.check(variant, result.entry, min_version)
        else:
            assert isinstance(result, Miss)
            self.readers = [*self.readers, Reader(variant, result.lease, self.row(variant))][-3:]

    @rule(variant=variants)
    def read_undisturbed(self, variant: str) -> None:
        """A read with nobody in between is stored and served: the cache does not buy freshness by refusing."""
        current = self.row(variant)
        result = self.runner.run(self.lab.store.get(OBJECT, variant, min_version=current.version))
        if isinstance(result, Miss):
            outcome = self.runner.run(self.lab.store.fill(OBJECT, variant, result.lease, current))
            assert outcome is FillOutcome.STORED
            result = self.runner.run(self.lab.store.get(OBJECT, variant))
        assert isinstance(result, Hit)
        self.check(variant, result.entry, current.version)

    @rule(loss=st.sampled_from(["head", "entry", "list of variants", "everything"]), variant=variants)
    def lose(self, loss: str, variant: str) -> None:
        """The server evicts, or comes back empty."""
        if loss == "head":
            self.runner.run(self.lab.evict_head(OBJECT))
        elif loss == "entry":
            self.runner.run(self.lab.evict_entry(OBJECT, variant))
        elif loss == "list of variants":
            self.runner.run(self.lab.evict_variants(OBJECT))
        else:
            self.runner.run(self.lab.wipe())


def explore(lab: type[FakeCacheStore] | str, *, examples: int, known: bool = False) -> None:
    """Try many interleavings, new ones each time. Raises AssertionError with the shortest that breaks a promise.

    `known`: the same ones each time, and the first that breaks a promise will do.
    """
    machine = type("Machine", (Interleavings,), {"open_lab": lab})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=checks,
            database=None,
            derandomize=known,
            phases=[Phase.generate] if known else [Phase.generate, Phase.shrink],
        ),
    )


def test_no_interleaving_breaks_the_fake() -> None:
    """What other packages' tests rely on is as strict as the real store."""
    explore(FakeCacheStore, examples=200)


def test_no_interleaving_breaks_the_real_store(cache_server: ValkeyServer) -> None:
    """An answer is never older than an event already applied nor than the reader's token, whatever is lost when."""
    explore(cache_server.url, examples=250)


@pytest.mark.parametrize("mutant", [DeleteOnEvent, FloorsOnly, IgnoresTokens, LastEventWins])
def test_a_cache_that_is_wrong_is_found_out(mutant: type[FakeCacheStore]) -> None:
    """The search is strong enough: each of the usual mistakes is found within its budget."""
    with pytest.raises(AssertionError, match="older than"):
        explore(mutant, examples=2000, known=True)
