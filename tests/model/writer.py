"""What a writer does: lock, announce, commit, delete (where that is the protocol), acknowledge; or end before that."""

from collections.abc import Iterator

from tests.model.bounds import CRASH, TIMEOUT, Bounds, spend
from tests.model.protocol import Protocol
from tests.model.search import Step
from tests.model.state import (
    ACKNOWLEDGED,
    COMMITTED,
    GONE,
    IDLE,
    IN_OUTBOX,
    OVERTAKEN,
    ROLLED_BACK,
    WRITING,
    State,
    Writer,
    in_transaction,
    put,
    touched,
)


def writer_steps(protocol: Protocol, bounds: Bounds, state: State, number: int) -> Iterator[Step]:
    """Every step that one writer can take now."""
    writer, name = state.writers[number], f"writer {number + 1}"
    if writer.stage == IDLE:
        if not in_transaction(state):  # else the row is locked
            versions = tuple(version + 1 for version in state.database)
            to = f"{name} begins, to make version {versions[0]}"
            yield to, _with(state, number, Writer(WRITING, versions, 0)), ()
    elif writer.stage == WRITING:
        yield from _in_transaction(protocol, bounds, state, number, name)
    elif writer.stage == COMMITTED:
        yield from _after_commit(protocol, state, number, name)
    elif writer.stage == ROLLED_BACK:
        cache = state.cache
        for obj, version in enumerate(writer.versions):
            cache = protocol.take_back(cache, obj, version, number)
        gone = _with(state, number, writer._replace(stage=GONE))
        yield f"{name} takes its announcement back", gone._replace(cache=cache), ()
        yield f"{name} crashes before it takes its announcement back", gone, ()
    elif writer.stage == OVERTAKEN:
        obj = writer.told
        then = GONE if protocol.takes_back_only_what_was_answered else ROLLED_BACK
        late = _with(state, number, writer._replace(stage=then))
        cache = protocol.announce(state.cache, obj, writer.versions[obj], number)
        yield f"the late announcement of {name} reaches the cache", touched(late._replace(cache=cache), obj), ()
        yield f"the late announcement of {name} is lost", _with(state, number, writer._replace(stage=GONE)), ()


def _in_transaction(protocol: Protocol, bounds: Bounds, state: State, number: int, name: str) -> Iterator[Step]:
    writer = state.writers[number]
    obj = writer.told
    if protocol.announces and obj < len(writer.versions):
        version = writer.versions[obj]
        told = _with(state, number, writer._replace(told=obj + 1))
        cache = protocol.announce(state.cache, obj, version, number)
        yield f"{name} announces version {version} to the cache", touched(told._replace(cache=cache), obj), ()
        if state.faults[TIMEOUT]:
            faults = spend(state.faults, TIMEOUT)
            if bounds.policy == "available":
                yield f"{name} has no answer from the cache, and goes on", told._replace(faults=faults), ()
            else:
                back = _with(state, number, writer._replace(stage=OVERTAKEN))
                to = f"{name} has no answer from the cache yet, and rolls back"
                yield to, back._replace(faults=faults), ()
    else:
        versions = tuple(version + 1 for version in state.database)
        done = _with(state, number, Writer(COMMITTED, versions, 0))
        if protocol.has_events:
            done = done._replace(events=put(state.events, number, state.events[number]._replace(stage=IN_OUTBOX)))
        yield f"{name} commits: the database holds version {versions[0]}", done._replace(database=versions), ()
    if state.faults[CRASH]:
        back = _with(state, number, writer._replace(stage=ROLLED_BACK if protocol.takes_back else GONE))
        yield f"{name} rolls back", back._replace(faults=spend(state.faults, CRASH)), ()


def _after_commit(protocol: Protocol, state: State, number: int, name: str) -> Iterator[Step]:
    writer = state.writers[number]
    obj = writer.told
    if protocol.purges and obj < len(writer.versions):
        version = writer.versions[obj]
        told = _with(state, number, writer._replace(told=obj + 1))
        cache = protocol.invalidate(state.cache, obj, version)
        processed = put(state.processed, obj, max(state.processed[obj], version))
        yield f"{name} deletes the cached entry", told._replace(cache=cache, processed=processed), ()
    else:
        done = _with(state, number, writer._replace(stage=ACKNOWLEDGED))
        due = tuple(map(max, state.due, writer.versions))
        readers = state.readers
        if number < len(readers):
            token = tuple(map(max, readers[number].token, writer.versions))
            readers = put(readers, number, readers[number]._replace(token=token))
        yield f"{name} is acknowledged: version {writer.versions[0]}", done._replace(due=due, readers=readers), ()
    if state.faults[CRASH]:
        gone = _with(state, number, writer._replace(stage=GONE))
        yield f"{name} crashes after its commit", gone._replace(faults=spend(state.faults, CRASH)), ()


def _with(state: State, number: int, writer: Writer) -> State:
    return state._replace(writers=put(state.writers, number, writer))
