"""A look at what the second level would serve, by who may read it and change nothing: the hit path's own judgement."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final, cast

from redis.exceptions import ResponseError

from shared.cache.connection import checked, packed
from shared.cache.exchange import Exchange
from shared.cache.keys import PREFIX, head_key, variants_key
from shared.cache.record import (
    ENTRY_FIELDS,
    HEAD_FIELDS,
    STATE_FIELDS,
    Entry,
    StoredEntry,
    decode_entry,
    decode_head,
    decode_state,
    served,
)
from shared.cache.redis_floors import state_of
from shared.cache.results import CacheUnavailable
from shared.cache.settings import CacheSettings

VARIANTS: Final = 16
"""So many are looked at of each object: those of the lowest versions, which are the first to be too old."""
ANSWERS: Final = 8
"""So many with their bodies."""

# For versions alone bodies stay where they are: a list's can be large.
_WITHOUT_BODY: Final = tuple(field for field in ENTRY_FIELDS if field != "body")

Values = list[bytes | None]
Served = dict[str, dict[str, Entry]]
"""What a reader could be given of each object, by the last part of its key."""


class Looks:
    """On one server, which it connects to when it first looks."""

    def __init__(self, settings: CacheSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = Exchange(settings, clock)

    async def shown(self, objects: Sequence[str]) -> dict[str, int]:
        """Return the lowest version that a reader could be given now of each object that there is something of.

        Raises CacheUnavailable when the server does not answer, or refuses.
        """
        if not self._server.usable():
            raise CacheUnavailable("the cache server does not answer")
        try:
            variants = await self._server.ask(self._variants, objects)
            served = await self._server.ask(self._served, variants, _WITHOUT_BODY)
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused a look: {error}") from error
        return {obj: min(entry.version for entry in entries.values()) for obj, entries in served.items() if entries}

    async def answers(self, obj: str) -> dict[str, Entry]:
        """Return what a reader could be given now of an object, whole, each by the last part of its key.

        Raises CacheUnavailable as `shown` does.
        """
        if not self._server.usable():
            raise CacheUnavailable("the cache server does not answer")
        try:
            variants = await self._server.ask(self._variants, [obj])
            few = {obj: names[:ANSWERS] for obj, names in variants.items()}
            served = await self._server.ask(self._served, few, ENTRY_FIELDS)
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused a look: {error}") from error
        return served.get(obj, {})

    async def close(self) -> None:
        """End the connection."""
        await self._server.close()

    async def _variants(self, objects: Sequence[str]) -> dict[str, list[str]]:
        if not objects:
            return {}
        line = await self._server.line()
        asked = b"".join(packed(("ZRANGE", variants_key(obj), 0, VARIANTS - 1)) for obj in objects)
        answers = cast("Sequence[list[bytes]]", checked(await line.ask(asked, len(objects))))
        return {obj: [name.decode() for name in names] for obj, names in zip(objects, answers, strict=True) if names}

    async def _served(self, variants: Mapping[str, Sequence[str]], fields: Sequence[str]) -> Served:
        """Read state, entries and head of each object in this order, as a hit does."""
        if not variants:
            return {}
        line = await self._server.line()
        commands = [command for obj, names in variants.items() for command in _look(obj, names, fields)]
        answers = iter(checked(await line.ask(b"".join(map(packed, commands)), len(commands))))
        found: Served = {}
        for obj, names in variants.items():
            state_values, *entries, head_values = cast("list[Values]", list(islice(answers, len(names) + 2)))
            state, head = decode_state(state_values, line.run_id), decode_head(head_values)
            stored = zip(names, map(_decoded, entries), strict=True)
            found[obj] = {
                name: each.entry
                for name, each in stored
                if state is not None and each is not None and served(state, head, each, 0)
            }
        return found


def _decoded(values: Values) -> StoredEntry | None:
    """Read an entry, with an empty body where none was asked for."""
    return decode_entry([*values, b""] if len(values) < len(ENTRY_FIELDS) else values)


def _look(obj: str, names: Sequence[str], fields: Sequence[str]) -> list[tuple[str, ...]]:
    return [
        ("HMGET", state_of(obj), *STATE_FIELDS),
        *(("HMGET", f"{PREFIX}/{obj}/{name}", *fields) for name in names),
        ("HMGET", head_key(obj), *HEAD_FIELDS),
    ]
