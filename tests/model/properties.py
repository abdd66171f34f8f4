"""What is promised, and looked at in every state and at every read.

LIN: a read returns no less than what was acknowledged to any writer, or returned to any reader, before it began. As an
object's values are totally ordered by version, that is linearizability of the object.
RYW: a read with its client's token returns no less than the client's own acknowledged writes.
MONO: a read with its client's token returns no less than the client has read before.
FLOOR: nothing that would be served is older than an invalidation that has been processed.
EC: when all is quiet, nothing that would be served is older than the database, or it would be served until it expires.
"""

from typing import Final

from tests.model.protocol import HIT, Protocol
from tests.model.state import (
    ACKNOWLEDGED,
    CONSUMED,
    GONE,
    IDLE,
    NONE,
    OPEN,
    OVERTAKEN,
    Reader,
    State,
    put,
)

LIN: Final = "LIN"
RYW: Final = "RYW"
MONO: Final = "MONO"
FLOOR: Final = "FLOOR"
EC: Final = "EC"
ALL: Final = (LIN, RYW, MONO, FLOOR, EC)


def returned(state: State, number: int, reader: Reader, value: int) -> tuple[State, tuple[str, ...]]:
    """Return the state after a read, and which promises it broke."""
    obj = reader.obj
    broken = [LIN] * (value < reader.due) + [RYW] * (value < reader.own) + [MONO] * (value < reader.seen[obj])
    seen = put(reader.seen, obj, max(reader.seen[obj], value))
    done = Reader(IDLE, 0, 0, 0, 0, 0, 0, False, reader.reads_left - 1, reader.token, seen)
    due = put(state.due, obj, max(state.due[obj], value))
    return state._replace(readers=put(state.readers, number, done), due=due), tuple(broken)


def broken_in(protocol: Protocol, state: State) -> tuple[str, ...]:
    """Return which promises do not hold in a state."""
    broken: list[str] = []
    for obj, committed in enumerate(state.database):
        answer, _ = protocol.look_up(state.cache, obj, 0)
        if answer.kind == HIT:
            if answer.value < state.processed[obj]:
                broken.append(FLOOR)
            if answer.value < committed and _is_quiet(state):
                broken.append(EC)
    return tuple(broken)


def _is_quiet(state: State) -> bool:
    """Whether nothing is under way that would change what is served."""
    return (
        state.cache.phase == OPEN
        and all(writer.stage in (IDLE, ACKNOWLEDGED, GONE, OVERTAKEN) for writer in state.writers)
        and all(reader.stage == IDLE for reader in state.readers)
        and all(event.stage in (NONE, CONSUMED) for event in state.events)
    )
