"""What a transaction owes the cache: before it commits, no reader is served what it is about to replace any more.

The floors of all objects that it has given new versions are raised in one round trip between its last statement and its
COMMIT, while it holds their rows in `object_version`. So versions and floors rise in the order of commits, and whoever
reads after the COMMIT finds the new row, whether or not its event has been heard of.
"""

import itertools
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from shared.contracts.errors import Unavailable
from shared.contracts.objects import is_strict
from shared.runtime.timings import Timings

log = logging.getLogger(__name__)

Policy = Literal["available", "strict", ""]
"""Whether a write waits for a cache that does not answer: no, yes, or as the types of its objects have it."""

Outcome = Literal["raised", "taken_back", "unanswered", "refused"]
"""What became of one raise. `unanswered`: the write was done all the same, and reads may be stale until its event."""

RETRY_SECONDS = 1.0


class Floors(Protocol):
    """The cache as writers see it; `shared.cache.floors` says more. `writer` is a name of one transaction alone."""

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Raise the floor of each object to its version; False where there is no cache.

        Raises Unavailable when it was not answered in time, and may be carried out yet.
        """

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Undo an answered raise whose transaction has rolled back. Never fails."""


@dataclass(frozen=True, slots=True)
class Raised:
    """Floors that were raised for a transaction that has not ended."""

    versions: Mapping[str, int]
    writer: str


class Raising:
    """Raises floors for the transactions of one process, and counts what becomes of it."""

    def __init__(self, floors: Floors, policy: Policy, timings: Timings) -> None:
        self._floors = floors
        self._policy = policy
        self._timings = timings
        self._process = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._away = False

    async def before_commit(self, versions: Mapping[str, int]) -> Raised | None:
        """Raise the floors of what is to be committed; None when there is nothing to take back.

        Raises Unavailable, and nothing may be committed, when they may not be raised and the policy is strict.
        """
        if not versions:
            return None
        raised = Raised(dict(versions), f"{self._process}-{next(self._numbers)}")
        began = time.perf_counter()
        try:
            answered = await self._floors.raise_(raised.versions, raised.writer)
        except Unavailable as error:
            self._go_without(versions, error)
            return None
        self._timings.observe("cache_raise_duration", time.perf_counter() - began)
        if not answered:
            return None
        if self._away:
            log.warning("the cache is told of writes again")
            self._away = False
        self._count("raised")
        return raised

    async def take_back(self, raised: Raised) -> None:
        """Undo a raise whose transaction has certainly rolled back."""
        self._count("taken_back")
        await self._floors.take_back(raised.versions, raised.writer)

    def _go_without(self, versions: Mapping[str, int], error: Unavailable) -> None:
        if not self._away:
            log.warning("the cache is not told of writes: %s", error)
            self._away = True
        if self._waits(versions):
            self._count("refused")
            raise Unavailable(
                "The cache does not answer, and would go on to show what is changed here", retry_after=RETRY_SECONDS
            ) from error
        self._count("unanswered")

    def _count(self, outcome: Outcome) -> None:
        self._timings.count("cache_raises", outcome=outcome)

    def _waits(self, versions: Mapping[str, int]) -> bool:
        if self._policy:
            return self._policy == "strict"
        return any(is_strict(obj) for obj in versions)
