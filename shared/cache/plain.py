"""The port of values that have no version in a database, and of operators: forget, whatever the version."""

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from shared.cache.record import MAX_VERSION, Entry
from shared.cache.results import FillOutcome
from shared.cache.store import CacheStore

EVERY_VERSION: Final = MAX_VERSION
"""What the feed is told of an object that was forgotten: nothing that any process holds of it is as new."""

_PATTERN = re.compile(r"[A-Za-z0-9._:*?-]{1,160}")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten: objects that had a head, and entries."""

    objects: int = 0
    entries: int = 0

    def __add__(self, other: "Forgotten") -> "Forgotten":
        return Forgotten(self.objects + other.objects, self.entries + other.entries)


class Forgetting(Protocol):
    """Objects lose their entries and begin a new lineage, under the floor that they have.

    A reader who asked for one before is refused when he offers what he has read since, as after an eviction of the
    head; unlike that, a floor that a writer has raised and not yet committed stays.
    """

    async def forget(self, objects: Iterable[str]) -> Forgotten:
        """Forget each object, here and, by the feed, in every process. Repeats are harmless.

        Raises CacheUnavailable when that may not have reached every object; ValueError for one that cannot be.
        """


class PlainStore(CacheStore, Forgetting, Protocol):
    """The store, for values whose life is said by who offers them."""

    async def fill_for(self, obj: str, variant: str, lease: str, entry: Entry, seconds: float) -> FillOutcome:
        """Offer an entry as `fill` does, to be kept for this long at most."""


class Listing(Protocol):
    """For operators alone: it walks over every key of the server, which takes long where there are many."""

    def listed(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield the objects that have a head and whose names match, in some hundreds, some of them twice.

        `*` stands for any text in a pattern and `?` for one letter. Every object is among them that was there all the
        while. Raises CacheUnavailable when the server does not answer; ValueError for a pattern that cannot be.
        """


class OperatedStore(PlainStore, Listing, Protocol):
    """The store, with what operators may do besides."""


def checked_pattern(pattern: str) -> str:
    """Return a pattern. Raises ValueError for one that could match no object, or anything but objects."""
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(f"{pattern[:80]!r} matches no cache object: write such as strategy:* or strategy:018f2c*")
    return pattern
