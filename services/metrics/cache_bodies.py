"""Some looks of the live checker go deeper: whole answers are compared, of both levels of the cache and the database.

Each process of the gateway says what it would answer by itself, and what the service answers now to the same question,
asked in the name of who asked it before: nobody else may be given it. Digests leave the gateway, never an answer.
"""

import asyncio
import logging
import random as randomness
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from services.metrics.core.body_checks import DATABASE, L2, BodyCheck, BodyChecks, Seen, compare
from services.metrics.core.cache_checks import WINDOWS
from services.metrics.due_work import whenever_due
from shared.cache.record import Entry, digest_of
from shared.contracts.cache_probes import AnswerShown
from shared.contracts.errors import ServiceError, Unavailable
from shared.runtime.timings import Timings

log = logging.getLogger(__name__)

L1: Final = "l1"
KIND: Final = "body"


class Gateways(Protocol):
    """Each process of the gateway."""

    async def answers(self, obj: str) -> Mapping[str, list[AnswerShown]]:
        """Return by process what it would answer about an object, and what the database says. Raises Unavailable."""
        ...


class Shared(Protocol):
    """The cache server."""

    async def answers(self, obj: str) -> Mapping[str, Entry]:
        """Return what it would give a reader of an object, by variant. Raises Unavailable."""
        ...


class Forgetful(Protocol):
    """What can have the caches forget."""

    async def forget(self, objects: Sequence[str]) -> None:
        """Have the caches forget objects. Raises a ServiceError."""
        ...


class BodyChecker:
    """Compares one look in `one_in` in this way, with 0 none. `clock` is in seconds, `random` gives a number in [0, 1).

    Run `run` beside what it is told of by `looked_at`.
    """

    def __init__(
        self,
        gateways: Gateways,
        shared: Shared,
        caches: Forgetful,
        timings: Timings,
        clock: Callable[[], float],
        *,
        one_in: int,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._gateways = gateways
        self._shared = shared
        self._caches = caches
        self._timings = timings
        self._clock = clock
        self._one_in = one_in
        self._random = random
        self._checks = BodyChecks()
        self._nudged = asyncio.Event()
        for layer in (L1, L2, DATABASE):  # an alarm on a rise needs something to rise from
            self._compared(layer, 0)
            for window in WINDOWS.values():
                self._differs(layer, window, 0)

    def looked_at(self, objects: Mapping[str, str]) -> None:
        """Take note of looks at these objects, with the trace of the last change of each."""
        for obj, trace in objects.items():
            if self._one_in and self._random() * self._one_in < 1:
                self._checks.wish(obj, trace, self._clock())
                self._nudged.set()

    def drawn(self, obj: str) -> None:
        """Take note of an object that nobody has changed."""
        self._checks.wish(obj, "", self._clock())
        self._nudged.set()

    async def run(self) -> None:
        """Compare whenever something is due, until cancelled."""
        await whenever_due(
            lambda: self._checks.pause(self._clock()),
            self._nudged,
            self.look,
            "the answers of the caches could not be compared",
        )

    async def look(self) -> None:
        """Compare the answers about what has been due for longest."""
        check = self._checks.take(self._clock())
        if check is None:
            return
        compared = compare(await self._seen(check.obj))
        for layer, number in compared.number.items():
            self._compared(layer, number)
        if not compared.differing:
            return
        window = self._checks.found(check, self._clock())
        for layer, number in Counter(each.layer for each, _ in compared.differing).items():
            self._differs(layer, window, number)
        for each, believed in compared.differing:
            log.error("%s", _story(check, each, believed))
        try:
            await self._caches.forget([check.obj])
        except ServiceError as error:
            log.warning("%s is still served with another body: %s", check.obj, error)

    async def _seen(self, obj: str) -> list[Seen]:
        """Return every answer about an object that somebody gives: all at once, since it may be written meanwhile."""
        told, held = await asyncio.gather(self._told(obj), self._held(obj))
        if told and not any(each.layer == DATABASE for each in told):
            self._not_done(DATABASE)
        return [*told, *held]

    async def _told(self, obj: str) -> list[Seen]:
        """Return what the processes of the gateway, and the services by them, answer."""
        answers: Mapping[str, list[AnswerShown]] = {}
        try:
            answers = await self._gateways.answers(obj)
        except Unavailable as error:
            log.info("the answers of the caches are not compared: %s", error)
        if not answers:
            self._not_done(L1)
        return [
            Seen(each.by, process, each.variant, each.version, each.digest)
            for process, theirs in answers.items()
            for each in theirs
        ]

    async def _held(self, obj: str) -> list[Seen]:
        """Return what the cache server answers."""
        try:
            entries = await self._shared.answers(obj)
        except Unavailable as error:
            log.info("the answers of the caches are not compared: %s", error)
            self._not_done(L2)
            return []
        return [Seen(L2, "", name, each.version, digest_of(each)) for name, each in entries.items()]

    def _compared(self, layer: str, number: int) -> None:
        self._timings.count("cache_probes", number, layer=layer, kind=KIND)

    def _differs(self, layer: str, window: str, number: int) -> None:
        self._timings.count("cache_inconsistencies", number, layer=layer, window=window, kind=KIND)

    def _not_done(self, where: str) -> None:
        self._timings.count("cache_probes_not_done", where=where)


def _story(check: BodyCheck, each: Seen, believed: Seen) -> str:
    return (
        f"{check.obj} is answered in two ways at version {each.version}: {_who(each)} gives {each.digest} for "
        f"{each.variant}, {_who(believed)} gives {believed.digest}; the last change came of the request with the "
        f"traceparent {check.trace or 'unknown'}"
    )


def _who(each: Seen) -> str:
    return f"{each.layer} of {each.process}" if each.process else each.layer
