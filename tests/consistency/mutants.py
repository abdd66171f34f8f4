"""Services that keep their cache as others do, or without one safeguard: a test that does not find them out is none.

    python -m tests.consistency.mutants NAME[+NAME...] SERVICE

runs the service's own program with that in it changed. Nothing of this is in the product, and nothing there asks
for it.
"""

import importlib
import runpy
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import msgspec

from shared.cache.connection import checked, packed
from shared.cache.keys import head_key
from shared.cache.record import Entry
from shared.cache.redis_store import RedisCacheStore
from shared.cache.results import CacheUnavailable, FillOutcome, Hit, Invalidated, Lookup, Miss

ENTRY_LIFE_MS = 300_000


def delete_on_write() -> None:
    """Get, miss, ask, set; whoever has written deletes after the commit. No versions, no tokens."""
    store: Any = RedisCacheStore
    store.get, store.fill, store.invalidate = _plain_get, _plain_fill, _nothing
    if sys.argv[2] == "strategy":
        _announce_nothing()
        _delete_after_commit()


def floors_only() -> None:
    """Events raise floors; every head has the same life, in every incarnation; writers announce nothing."""
    defaults: dict[str, Any] = cast("dict[str, Any]", RedisCacheStore.__init__.__kwdefaults__)
    defaults["nonce"] = lambda: "0" * 32
    if sys.argv[2] == "strategy":
        _announce_nothing()


def no_barrier() -> None:
    """A cache that was lost is opened at once, whoever may still commit what it had told the cache before."""
    _patch("shared.runtime.opener", "writers_ended", value=_at_once)


def deaf() -> None:
    """A gateway keeps what it holds whatever the feed tells."""
    _patch("shared.cache.local", "LocalCache", "raised", value=_hear_nothing)


def no_lease() -> None:
    """A gateway believes what it holds for as long as its feed seems to be connected."""
    local: Any = importlib.import_module("shared.cache.local").LocalCache
    original = local.get

    def get(self: Any, key: Any, least: int, now: float) -> Any:
        return original(self, key, least, min(now, self.fresh_until - 1e-6))

    local.get = get
    _patch("shared.cache.feed", "SILENCE", value=10**6)


def everybodys() -> None:
    """Whoever asks for an entry by its name is given it."""
    reads: Any = importlib.import_module("shared.cache.reading").CachedReads
    original = reads.read

    async def read(self: Any, obj: str, variant: str, fetch: Any, *, who: Any, **given: Any) -> Any:
        found = await original(self, obj, variant, fetch, who=who, **given)
        return found._replace(entry=replace(found.entry, owner=who.user_id))

    reads.read = read


def list_forgotten() -> None:
    """Who makes a strategy does not raise the list that it comes into."""
    _announce_instead("services.strategy.handlers", "strategy.created", lambda names: names[:1])


def deletion_forgotten() -> None:
    """Who deletes a strategy raises the list that it was in, and not itself."""
    _announce_instead("services.strategy.handlers", "strategy.deleted", lambda names: names[1:])


def role_forgotten() -> None:
    """Who gives a role or takes it raises nothing that shows it."""

    def unseen(names: list[str]) -> list[str]:
        return [f"session:{names[0].partition(':')[2]}"]

    _announce_instead("services.strategy.user_handlers", "user.updated", unseen, lambda event: "role" in event.changed)


def runs_forgotten() -> None:
    """Who deletes a run does not raise the list that it was in."""
    _announce_instead("services.backtest.handlers.endings", "backtest.deleted", lambda names: names[:1])


def datasets_forgotten() -> None:
    """Who deletes a dataset raises the list that it was in, and not itself."""
    _announce_instead("services.backtest.handlers.datasets", "dataset.deleted", lambda names: names[1:])


MUTANTS: Mapping[str, Callable[[], None]] = {
    "delete-on-write": delete_on_write,
    "floors-only": floors_only,
    "no-barrier": no_barrier,
    "deaf": deaf,
    "no-lease": no_lease,
    "everybodys": everybodys,
    "list-forgotten": list_forgotten,
    "deletion-forgotten": deletion_forgotten,
    "role-forgotten": role_forgotten,
    "runs-forgotten": runs_forgotten,
    "datasets-forgotten": datasets_forgotten,
}


async def _plain_get(self: RedisCacheStore, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
    """All variants of an object are fields of one hash."""
    try:
        (found,) = await _send(self, ("HMGET", head_key(obj), variant))
    except CacheUnavailable:
        return Miss("")
    (text,) = cast("list[bytes | None]", found)
    result: Lookup = Miss("") if text is None else Hit(msgspec.json.decode(text, type=Entry))
    self.stats.looked_up(obj, result)
    return result


async def _plain_fill(self: RedisCacheStore, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
    try:
        await _send(
            self,
            ("HSET", head_key(obj), variant, msgspec.json.encode(entry)),
            ("PEXPIRE", head_key(obj), ENTRY_LIFE_MS),
        )
    except CacheUnavailable:
        return FillOutcome.UNREACHABLE
    return FillOutcome.STORED


async def _nothing(self: RedisCacheStore, versions: Mapping[str, int]) -> Invalidated:
    return Invalidated()


async def _send(store: RedisCacheStore, *commands: tuple[str | int | bytes, ...]) -> list[object]:
    async def exchange() -> list[object]:
        line = await store._server.line()
        return [*checked(await line.ask(b"".join(map(packed, commands)), len(commands)))]

    return await store._server.ask(exchange)


def _announce_nothing() -> None:
    async def before_commit(self: object, versions: Mapping[str, int]) -> None:
        return None

    _patch("shared.runtime.raising", "Raising", "before_commit", value=before_commit)


def _delete_after_commit() -> None:
    database: Any = importlib.import_module("shared.runtime.database").Database
    original = database.transaction

    @asynccontextmanager
    async def transaction(self: Any) -> AsyncIterator[Any]:
        async with original(self) as lent:
            yield lent
        store = self._raising and self._raising._floors
        if lent.raised and isinstance(store, RedisCacheStore):
            try:
                await _send(store, *(("UNLINK", head_key(obj)) for obj in lent.raised))
            except CacheUnavailable:
                return

    database.transaction = transaction


def _announce_instead(
    module: str,
    event_type: str,
    changed: Callable[[list[str]], list[str]],
    applies: Callable[[Any], bool] = lambda event: True,
) -> None:
    """Have a module raise other objects than it means to, with one type of event."""

    def instead(event: Any, objects: Iterable[str]) -> tuple[Any, list[str]]:
        is_it = event.TYPE.removeprefix("aurelius.") == f"{event_type}.v1" and applies(event)
        return event, changed(list(objects)) if is_it else list(objects)

    async def all_of(connection: Any, told: Iterable[Any], **given: Any) -> Any:
        return await original(connection, [instead(event, objects) for event, objects in told], **given)

    async def one(connection: Any, event: Any, objects: Iterable[str], **given: Any) -> Any:
        return await original(connection, *instead(event, objects), **given)

    holder: Any = importlib.import_module(module)
    name = "announce" if hasattr(holder, "announce") else "announce_all"
    original = getattr(holder, name)
    _patch(module, name, value=one if name == "announce" else all_of)


def _hear_nothing(self: object, obj: str, version: int) -> None:
    return None


async def _at_once(*_: object) -> None:
    return None


def _patch(module: str, *names: str, value: object) -> None:
    """Only when it is needed: who has no database has no library for one either."""
    holder: Any = importlib.import_module(module)
    for name in names[:-1]:
        holder = getattr(holder, name)
    assert hasattr(holder, names[-1]), "what is to be changed has another name by now"
    setattr(holder, names[-1], value)


if __name__ == "__main__":
    for mutant in sys.argv[1].split("+"):
        MUTANTS[mutant]()
    runpy.run_module(f"services.{sys.argv[2]}", run_name="__main__", alter_sys=True)
