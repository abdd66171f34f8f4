"""What a reader does: look in the cache; on a miss read the database, offer what it found, return it.

The steps are apart, so that a reader may be as slow as it likes between them.
"""

from collections.abc import Iterator

from tests.model.bounds import Bounds
from tests.model.properties import returned
from tests.model.protocol import HIT, MISS, PAST, Protocol
from tests.model.search import Step
from tests.model.state import (
    BYPASS,
    IDLE,
    JOINED,
    LOADED,
    LOOKING,
    MISSED,
    OPEN,
    Reader,
    State,
    is_being_changed,
    put,
)

_FOUND = {MISS: "nothing to serve", PAST: "it is closed"}


def reader_steps(protocol: Protocol, bounds: Bounds, state: State, number: int) -> Iterator[Step]:
    """Every step that one reader can take now."""
    reader, name = state.readers[number], f"reader {number + 1}"
    if reader.stage == IDLE:
        if not reader.reads_left:
            return
        for obj in range(bounds.objects):
            begun = reader._replace(obj=obj, due=state.due[obj], own=reader.token[obj])
            if bounds.lookup == "pipeline":
                yield f"{name} asks the cache for state and entry", _with(state, number, _peeked(state, begun)), ()
            else:
                yield from _look(protocol, bounds, state, number, begun, name)
    elif reader.stage == LOOKING:
        record = state.cache.records[reader.obj]
        least = max(record.floor, reader.own, reader.seen[reader.obj])
        is_same = record.lineage == reader.lease and record.incarnation == reader.incarnation
        if reader.lease > 0 and is_same and reader.value >= least:
            after, broken = returned(state, number, reader, reader.value)
            yield f"{name} is told the head: version {reader.value} is served", after, broken
        else:
            yield from _look(protocol, bounds, state, number, reader, name)
    elif reader.stage == MISSED:
        value = state.database[reader.obj]
        loaded = reader._replace(stage=LOADED, value=value)
        yield f"{name} reads the database: version {value}", _with(state, number, loaded), ()
    elif reader.stage == LOADED:
        yield _offer(protocol, state, number, reader, name)


def _peeked(state: State, reader: Reader) -> Reader:
    """The first step of the pipeline. The head comes after it, and whatever happens in between."""
    cache = state.cache
    entry = cache.records[reader.obj].entry if cache.phase == OPEN else None
    lease, value = (entry.lineage, entry.version) if entry is not None else (BYPASS, 0)
    return reader._replace(stage=LOOKING, lease=lease, value=value, incarnation=cache.incarnation)


def _look(protocol: Protocol, bounds: Bounds, state: State, number: int, reader: Reader, name: str) -> Iterator[Step]:
    obj = reader.obj
    least = max(reader.own, reader.seen[obj]) if protocol.looks_at_tokens else 0
    answer, cache = protocol.look_up(state.cache, obj, least)
    looked = state._replace(cache=cache)
    if answer.kind == HIT:
        after, broken = returned(looked, number, reader, answer.value)
        yield f"{name} looks in the cache: version {answer.value} is served", after, broken
        return
    missed = reader._replace(stage=MISSED, lease=answer.value, value=0, incarnation=0)
    yield f"{name} looks in the cache: {_FOUND[answer.kind]}", _with(looked, number, missed), ()
    if bounds.waits and answer.kind == MISS and not is_being_changed(state, obj):
        late = missed._replace(is_late=True)
        yield f"{name} looks in the cache half a minute later: nothing to serve", _with(looked, number, late), ()
    if protocol.joins_flights:
        for other in state.readers:
            if other.stage in (MISSED, LOADED) and other.obj == obj:
                joined = reader._replace(stage=JOINED)
                yield f"{name} joins the other's flight", _with(looked, number, joined), ()


def _offer(protocol: Protocol, state: State, number: int, reader: Reader, name: str) -> Step:
    obj, value, cache = reader.obj, reader.value, state.cache
    if reader.lease >= 0:
        cache = protocol.fill(cache, obj, reader.lease, value, is_late=reader.is_late)
    stored = "stores" if cache != state.cache else "does not store"
    after, broken = returned(state._replace(cache=cache), number, reader, value)
    for other, waiting in enumerate(state.readers):
        if waiting.stage == JOINED and waiting.obj == obj:
            after, more = returned(after, other, waiting, value)
            broken += more
    return f"{name} {stored} version {value}, and returns it", after, broken


def _with(state: State, number: int, reader: Reader) -> State:
    return state._replace(readers=put(state.readers, number, reader))
