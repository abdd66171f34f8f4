"""Removes what has grown too old, a batch at a time: each batch is a statement of its own, done whole or not at all.

Several processes may do so at once: each takes rows that no other has locked. Whoever is killed leaves the rest for the
next.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import asyncpg

from shared.contracts.errors import Unavailable
from shared.runtime.timings import REMOVED, Timings

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.05
"""Between two batches, so that the work of others goes before."""
MOST_BATCHES = 1000
"""Of one rule in a round."""


class Rule(NamedTuple):
    """What grows: its name among the metrics, and what removes `at_once` of what is too old and returns how many.

    Less than `at_once` says that there are no more.
    """

    what: str
    remove: Callable[[int], Awaitable[int]]


class Expiry:
    """Applies rules now and then, for as long as the service runs."""

    def __init__(self, rules: Sequence[Rule], timings: Timings, *, seconds: float, batch: int) -> None:
        self._rules = rules
        self._timings = timings
        self._seconds = seconds
        self._batch = batch

    async def run(self) -> None:
        """Until cancelled remove what is too old, from the start on. What fails is told once, and tried again."""
        failing: set[str] = set()
        while True:
            for rule in self._rules:
                try:
                    await self.apply(rule)
                except (Unavailable, OSError, asyncpg.PostgresError) as error:
                    if rule.what not in failing:
                        log.warning("old %s are not removed at the moment: %s", rule.what.replace("_", " "), error)
                    failing.add(rule.what)
                else:
                    failing.discard(rule.what)
            await asyncio.sleep(self._seconds)

    async def apply(self, rule: Rule) -> int:
        """Remove what one rule says, MOST_BATCHES at most; returns how many. Raises what the rule raises."""
        removed = 0
        for _ in range(MOST_BATCHES):
            number = await rule.remove(self._batch)
            if number:
                self._timings.count(REMOVED, number, what=rule.what)
            removed += number
            if number < self._batch:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        if removed:
            log.info("%d old %s were removed", removed, rule.what.replace("_", " "))
        return removed
