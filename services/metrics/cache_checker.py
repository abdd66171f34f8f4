"""The live checker of the caches: reads versions from the database, then looks at what each level would serve.

Whatever fails costs looks, which are counted as not done, and nothing else.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from services.metrics.cache_layers import Layer
from services.metrics.core.cache_checks import WINDOWS, CacheChecks, Due, Finding, Judged
from services.metrics.due_work import whenever_due
from shared.cache.keys import object_type
from shared.contracts.errors import ServiceError, Unavailable
from shared.runtime.timings import Timings

log = logging.getLogger(__name__)

L1: Final = "l1"
L2: Final = "l2"
KIND: Final = "version"


class Keeping(Protocol):
    """What knows the versions, and can have the caches forget."""

    async def versions(self, objects: list[str]) -> Mapping[str, int]:
        """Return those that are known."""
        ...

    async def forget(self, objects: Sequence[str]) -> None:
        """Have the caches forget objects. Raises a ServiceError."""
        ...


class CacheChecker:
    """Run `run` beside what tells it of changes. `clock` is in seconds.

    `looked_at` is told which objects are looked at, each with the trace of its change.
    """

    def __init__(
        self,
        keepers: Keeping,
        layers: Mapping[str, Layer],
        timings: Timings,
        clock: Callable[[], float],
        looked_at: Callable[[Mapping[str, str]], None] = lambda _: None,
    ) -> None:
        self._keepers = keepers
        self._layers = layers
        self._timings = timings
        self._clock = clock
        self._looked_at = looked_at
        self._checks = CacheChecks()
        self._nudged = asyncio.Event()
        for layer in layers:  # an alarm on a rise needs something to rise from
            timings.count("cache_probes", 0, layer=layer, kind=KIND)
            for window in WINDOWS.values():
                timings.count("cache_inconsistencies", 0, layer=layer, window=window, kind=KIND)

    def changed(self, objects: Iterable[str], trace: str = "") -> None:
        """Take note of an event that names these objects."""
        self._checks.changed(filter(_is_object, objects), trace, self._clock())
        self._nudged.set()

    async def run(self) -> None:
        """Look whenever something is due, until cancelled."""
        await whenever_due(
            lambda: self._checks.pause(self._clock()), self._nudged, self.look, "the caches could not be checked"
        )

    async def look(self) -> None:
        """Look at what is due, at all layers at once."""
        due = self._checks.take(self._clock())
        if not due.objects and not due.again:
            return
        self._looked_at(due.objects)
        # First the database: what is served afterwards must not be less.
        versions = await self._keepers.versions(list(due.objects)) if due.objects else {}
        read_at = self._clock()
        self._not_done("database", len(due.objects) - len(versions))
        await asyncio.gather(*(self._look_at(layer, due, versions, read_at) for layer in self._layers))

    async def _look_at(self, layer: str, due: Due, versions: Mapping[str, int], read_at: float) -> None:
        again = [finding.obj for finding in due.again if finding.layer == layer]
        objects = list(dict.fromkeys([*versions, *again]))
        if not objects:
            return
        asked_at = self._clock()
        shown: Mapping[str, Mapping[str, int]] = {}
        try:
            shown = await self._layers[layer].shown(objects)
        except Unavailable as error:
            log.info("the caches are not checked: %s", error)
        if not shown:
            self._not_done(layer, len(versions))
        judged = self._checks.judge(layer, due, versions, shown, read_at, asked_at)
        self._not_done(layer, judged.unanswered)
        await self._report(layer, judged)

    async def _report(self, layer: str, judged: Judged) -> None:
        if judged.compared:
            self._timings.count("cache_probes", judged.compared, layer=layer, kind=KIND)
        for _, window in judged.counted:
            self._timings.count("cache_inconsistencies", layer=layer, window=window, kind=KIND)
        for finding in judged.ended:
            self._timings.observe("cache_staleness", finding.stale_seconds, layer=layer)
        for finding in judged.lasting:
            log.error("%s", _story(finding))
        if judged.lasting:
            await self._heal(judged.lasting)

    async def _heal(self, findings: list[Finding]) -> None:
        objects = list(dict.fromkeys(finding.obj for finding in findings))
        try:
            await self._keepers.forget(objects)
        except ServiceError as error:
            log.warning("%s is still served too old: %s", ", ".join(objects), error)

    def _not_done(self, where: str, number: int) -> None:
        if number:
            self._timings.count("cache_probes_not_done", number, where=where)


def _story(finding: Finding) -> str:
    layer, process, obj = finding.place
    seen = ", ".join(f"{version} after {age:.3f} s" for age, version in finding.seen)
    where = f"{layer} of {process}" if process else layer
    return (
        f"{obj} is served too old by {where}: the database held version {finding.version}, served was {seen}; "
        f"the change came of the request with the traceparent {finding.trace or 'unknown'}"
    )


def _is_object(name: str) -> bool:
    try:
        object_type(name)
    except ValueError:
        return False
    return True
