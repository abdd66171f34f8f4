"""What the invalidator does with events: raise the floors of their objects in the cache."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from services.invalidator.core.changes import Change, NotAnEvent, newest, read_change
from shared.cache.keys import object_type
from shared.cache.record import check_version
from shared.cache.results import CacheUnavailable
from shared.cache.store import CacheStore
from shared.contracts.clock import Clock
from shared.contracts.errors import Unavailable
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.consumer import Refused
from shared.runtime.timings import Timings


class Fault(NamedTuple):
    """Something that no repeat could make right: a whole entry, or one object that it names."""

    entry: bytes
    reason: Literal["entry", "object"]
    text: str


class Invalidator:
    """Applies the events of one stream."""

    def __init__(self, stream: str, cache: CacheStore, timings: Timings, clock: Clock) -> None:
        self._stream = stream
        self._cache = cache
        self._timings = timings
        self._clock = clock

    async def apply(self, entries: list[Entry]) -> list[Refused]:
        """Apply a batch in one round trip. Raises Unavailable when it has to be given again.

        A fault is left out, so that it does not hold up what follows; it is counted when the rest is applied, and so
        once however often the batch is given. Returns the entries with faults, to be put aside.
        """
        changes, faults = _read(entries)
        try:
            await self._cache.invalidate(newest(changes))
        except CacheUnavailable as error:
            raise Unavailable(str(error)) from error
        now = self._clock.now()
        for change in changes:
            if change.at is not None:
                self._timings.observe("event_lag", max(0.0, (now - change.at).total_seconds()))
        for fault in faults:
            self._timings.count("events_refused", stream=self._stream, reason=fault.reason)
        return [Refused(entry, "; ".join(texts)) for entry in entries if (texts := _texts(faults, entry))]


def _texts(faults: list[Fault], entry: Entry) -> list[str]:
    return [fault.text for fault in faults if fault.entry == entry.id]


def _read(entries: Iterable[Entry]) -> tuple[list[Change], list[Fault]]:
    changes: list[Change] = []
    faults: list[Fault] = []
    for entry in entries:
        try:
            change = read_change(entry.fields)
        except NotAnEvent as error:
            faults.append(Fault(entry.id, "entry", f"it is no event: {error}"))
            continue
        objects = {}
        for obj, version in change.objects.items():
            try:
                object_type(obj)
                objects[obj] = check_version(version)
            except ValueError as error:
                faults.append(Fault(entry.id, "object", str(error)))
        changes.append(Change(objects=objects, at=change.at))
    return changes, faults
