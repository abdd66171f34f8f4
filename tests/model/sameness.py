"""Which states cannot be told apart: one stands for all of them, or the search would have no end.

Nonces are only compared, so their names do not matter; what no step can look at any more is forgotten; and two clients
with the same number of reads before them, with their writers, can change places.
"""

from tests.model.bounds import REPEAT, ROLLBACK
from tests.model.state import (
    ACKNOWLEDGED,
    ANY_LEASE,
    BYPASS,
    CONSUMED,
    CURRENT,
    GONE,
    IDLE,
    LOADED,
    LOOKING,
    MISSED,
    NONE,
    NOTHING,
    OLDER,
    OVERTAKEN,
    ROLLED_BACK,
    WRITING,
    Cache,
    Entry,
    Event,
    Opening,
    Reader,
    Record,
    State,
    Writer,
)

DEAD = -1
"""An incarnation that no head can have again."""


def renamed(state: State) -> State:
    """Return the state with its nonces renamed, and without what has no effect any more."""
    cache, copy = state.cache, state.copy if state.faults[ROLLBACK] else None
    lineages = [_names(record, copy.records[obj] if copy else None) for obj, record in enumerate(cache.records)]
    incarnations = {cache.incarnation: CURRENT} if cache.incarnation else {}
    if copy is not None and copy.incarnation:
        incarnations.setdefault(copy.incarnation, OLDER)
    writers, may_repeat = state.writers, bool(state.faults[REPEAT])
    readers = tuple(_reader(reader, lineages, incarnations) for reader in state.readers)
    return State(
        state.database,
        tuple(_writer(*pair, may_repeat=may_repeat) for pair in zip(writers, state.events, strict=True)),
        state.events,
        _cache(cache, lineages, incarnations, writers),
        _opening(state.opening, incarnations),
        _opening(state.stray, incarnations),
        readers,
        state.due if any(reader.reads_left for reader in readers) else (0,) * len(state.due),
        state.processed,
        state.faults,
        copy and _cache(copy, lineages, incarnations, writers),
    )


def _names(record: Record, older: Record | None) -> dict[int, int]:
    names = {record.lineage: CURRENT} if record.lineage else {}
    if older is not None and older.lineage:
        names.setdefault(older.lineage, OLDER)
    return names


def _cache(
    cache: Cache, lineages: list[dict[int, int]], incarnations: dict[int, int], writers: tuple[Writer, ...]
) -> Cache:
    records = tuple(
        _record(record, lineages[obj], incarnations, writers) if record.lineage else NOTHING
        for obj, record in enumerate(cache.records)
    )
    return Cache(cache.phase, incarnations.get(cache.incarnation, 0), records)


def _record(
    record: Record, lineages: dict[int, int], incarnations: dict[int, int], writers: tuple[Writer, ...]
) -> Record:
    lineage = lineages[record.lineage]
    raised_by, entry = record.raised_by, record.entry
    if raised_by and writers[raised_by - 1].stage not in (WRITING, ROLLED_BACK, OVERTAKEN):
        raised_by = 0
    if entry is not None:
        entry = Entry(lineage, entry.version) if entry.lineage == record.lineage else None
    return Record(lineage, incarnations.get(record.incarnation, DEAD), record.floor, raised_by, entry)


def _opening(opening: Opening | None, incarnations: dict[int, int]) -> Opening | None:
    return opening and opening._replace(incarnation=incarnations.get(opening.incarnation, DEAD))


def _reader(reader: Reader, lineages: list[dict[int, int]], incarnations: dict[int, int]) -> Reader:
    if reader.stage in (LOOKING, MISSED, LOADED):
        lease = lineages[reader.obj].get(reader.lease, BYPASS) if reader.lease else ANY_LEASE
        incarnation = incarnations.get(reader.incarnation, 0)
        if (lease, incarnation) == (reader.lease, reader.incarnation):
            return reader
        return reader._replace(lease=lease, incarnation=incarnation)
    if reader.reads_left or reader.stage != IDLE:
        return reader
    zeros = (0,) * len(reader.seen)
    return reader._replace(token=zeros, seen=zeros)


def _writer(writer: Writer, event: Event, *, may_repeat: bool) -> Writer:
    if may_repeat or writer.stage not in (ACKNOWLEDGED, GONE) or event.stage not in (NONE, CONSUMED):
        return writer
    return Writer(writer.stage, (0,) * len(writer.versions), writer.told)


def mirrored(state: State) -> State:
    """Return the state, or its mirror image, of the two the one that comes first. For two clients that are alike."""
    mirror = (state.readers[::-1], state.writers[::-1], state.events[::-1])
    if mirror >= (state.readers, state.writers, state.events):
        return state
    return State(
        state.database,
        mirror[1],
        mirror[2],
        _swapped(state.cache),
        _swapped_opening(state.opening),
        _swapped_opening(state.stray),
        mirror[0],
        state.due,
        state.processed,
        state.faults,
        state.copy and _swapped(state.copy),
    )


def _swapped(cache: Cache) -> Cache:
    return cache._replace(
        records=tuple(
            record._replace(raised_by=3 - record.raised_by) if record.raised_by else record for record in cache.records
        )
    )


def _swapped_opening(opening: Opening | None) -> Opening | None:
    return opening and opening._replace(waits_for=tuple(sorted(1 - writer for writer in opening.waits_for)))
