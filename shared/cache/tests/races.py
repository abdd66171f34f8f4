"""Interleavings in which a slow reader meets a writer; each returns what a reader that comes after both is served."""

from dataclasses import dataclass

from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Hit, Lookup, Miss
from shared.cache.store import CacheStore
from shared.cache.tests.labs import Lab

STRATEGY = "strategy:0190a6f2-7c1e-7d30-8a54-3f1f5f0d0001"


@dataclass
class Database:
    """One row; every write raises its version."""

    version: int = 1

    def read(self) -> Entry:
        """The row as it is now."""
        return entry(self.version)

    def write(self) -> int:
        """Commit a change and return its version."""
        self.version += 1
        return self.version


def entry(version: int) -> Entry:
    """An entry whose body tells its version."""
    return Entry(version, f'"{version}"', "owner-1", f'{{"revision": {version}}}'.encode())


async def lease(store: CacheStore, obj: str = STRATEGY, variant: str = "doc") -> str:
    """Miss, and return the lease."""
    result = await store.get(obj, variant)
    assert isinstance(result, Miss), result
    return result.lease


async def store_entry(store: CacheStore, version: int, obj: str = STRATEGY, variant: str = "doc") -> None:
    """Put an entry into the cache as a reader does."""
    assert await store.fill(obj, variant, await lease(store, obj, variant), entry(version)) is FillOutcome.STORED


async def writer_overtakes_reader(lab: Lab) -> tuple[Database, Lookup]:
    """A reader has read the old row when a writer commits and its event is applied; then the reader fills."""
    database = Database()
    taken = await lease(lab.store)
    old_row = database.read()
    await lab.store.invalidate({STRATEGY: database.write()})
    await lab.store.fill(STRATEGY, "doc", taken, old_row)
    return database, await lab.store.get(STRATEGY, "doc")


async def server_restarts_empty_under_reader(lab: Lab) -> tuple[Database, Lookup]:
    """As before, but the server loses all, floor included, and another reader comes before the slow one fills."""
    database = Database()
    taken = await lease(lab.store)
    old_row = database.read()
    await lab.store.invalidate({STRATEGY: database.write()})
    await lab.wipe()
    await lease(lab.store)
    await lab.store.fill(STRATEGY, "doc", taken, old_row)
    return database, await lab.store.get(STRATEGY, "doc")


def is_stale(database: Database, served: Lookup) -> bool:
    """Whether a reader was served less than the database held."""
    return isinstance(served, Hit) and served.entry.version < database.version
