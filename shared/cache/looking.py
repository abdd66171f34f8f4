"""A look at what the second level would serve, by who may read it and change nothing: the hit path's own judgement."""

import time
from collections.abc import Callable, Sequence
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

# Bodies stay where they are: a list's can be large, and only versions are compared.
_FIELDS: Final = tuple(field for field in ENTRY_FIELDS if field != "body")

Values = list[bytes | None]


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
            return await self._server.ask(self._lowest, variants)
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused a look: {error}") from error

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

    async def _lowest(self, variants: dict[str, list[str]]) -> dict[str, int]:
        """Read state, entries and head of each object in this order, as a hit does."""
        if not variants:
            return {}
        line = await self._server.line()
        commands = [command for obj, names in variants.items() for command in _look(obj, names)]
        answers = iter(checked(await line.ask(b"".join(map(packed, commands)), len(commands))))
        found: dict[str, int] = {}
        for obj, names in variants.items():
            state_values, *entries, head_values = cast("list[Values]", list(islice(answers, len(names) + 2)))
            state, head = decode_state(state_values, line.run_id), decode_head(head_values)
            if state is None:
                continue
            stored = [entry for values in entries if (entry := decode_entry([*values, b""])) is not None]
            versions = [each.entry.version for each in stored if served(state, head, each, 0)]
            if versions:
                found[obj] = min(versions)
        return found


def _look(obj: str, names: Sequence[str]) -> list[tuple[str, ...]]:
    return [
        ("HMGET", state_of(obj), *STATE_FIELDS),
        *(("HMGET", f"{PREFIX}/{obj}/{name}", *_FIELDS) for name in names),
        ("HMGET", head_key(obj), *HEAD_FIELDS),
    ]
