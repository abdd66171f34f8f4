"""What the model keeps of the whole system at one moment.

Values do not matter, only how old they are: a value is the number of commits that it contains, which is its version.
States are tuples all the way down, so that they can be compared and remembered quickly; stages are plain numbers for
the same reason.
"""

from typing import Final, NamedTuple

# The cache server's state: nothing is answered or kept but in OPEN.
CLOSED: Final = 0
OPENING: Final = 1
OPEN: Final = 2

# A writer.
IDLE: Final = 0
WRITING: Final = 1  # in its transaction, with the row locked
COMMITTED: Final = 2
ACKNOWLEDGED: Final = 3
ROLLED_BACK: Final = 4  # and about to take back what it announced
GONE: Final = 5
OVERTAKEN: Final = 6  # rolled back, while an announcement that was not answered is still on its way

# An event.
NONE: Final = 0
IN_OUTBOX: Final = 1
IN_STREAM: Final = 2
CONSUMED: Final = 3

# A reader; between reads it is IDLE.
LOOKING: Final = 1  # has state and entry, and not yet the head
MISSED: Final = 2
LOADED: Final = 3  # has what the database answered
JOINED: Final = 4  # waits for what another reader's flight brings

BYPASS: Final = -1
"""In place of a lease: what is read is not offered."""

ANY_LEASE: Final = 0
"""The lease of a protocol that has no lineage."""

# Nonces are only ever compared. A new one is FRESH until the state is put into its normal form (see sameness.py).
CURRENT: Final = 1
OLDER: Final = 2  # of the copy that the server may be rolled back to
FRESH: Final = 3


class Entry(NamedTuple):
    """A stored answer: the life of the head that it belongs to, and the version it was read at."""

    lineage: int
    version: int


class Record(NamedTuple):
    """What the cache has of one object: its head, if `lineage` is not 0, and its entry.

    `incarnation` is the opening that the head was made under, `raised_by` the number of the writer that set the floor,
    counted from 1.
    """

    lineage: int
    incarnation: int
    floor: int
    raised_by: int
    entry: Entry | None


NOTHING: Final = Record(0, 0, 0, 0, None)


class Cache(NamedTuple):
    """The cache server: its state, the incarnation that it is or will be open under, a record for each object."""

    phase: int
    incarnation: int
    records: tuple[Record, ...]


class Opening(NamedTuple):
    """Whoever re-opens the cache: under which incarnation, and the writers whose end is still waited for."""

    incarnation: int
    waits_for: tuple[int, ...]


class Writer(NamedTuple):
    """One write. It changes every object; `told` counts those whose change the cache has been told of."""

    stage: int
    versions: tuple[int, ...]
    told: int


class Event(NamedTuple):
    """A writer's event, and for each object whether the invalidator has applied it."""

    stage: int
    applied: tuple[bool, ...]


class Reader(NamedTuple):
    """A client that reads, one read after the other.

    `due` is what was acknowledged or read by anybody before its read of `obj` began, `own` what its token says, `lease`
    and `value` what it has so far, `incarnation` what it saw the cache open under. `is_late`: when it got its lease,
    the head had not been touched for longer than any transaction lasts. `token` and `seen` are by object: what its own
    writes reached, and the newest that it has read.
    """

    stage: int
    obj: int
    due: int
    own: int
    lease: int
    value: int
    incarnation: int
    is_late: bool
    reads_left: int
    token: tuple[int, ...]
    seen: tuple[int, ...]


class State(NamedTuple):
    """All of it. By object: `database` its committed version, `due` the newest that was acknowledged or read,
    `processed` the newest whose invalidation has been applied. Client i is the one that has writer i write.

    `opening` is who re-opens the cache, `stray` one that stood still and was given up, `copy` what the server may be
    rolled back to, `faults` how many of each kind may still happen, and last how many in all.
    """

    database: tuple[int, ...]
    writers: tuple[Writer, ...]
    events: tuple[Event, ...]
    cache: Cache
    opening: Opening | None
    stray: Opening | None
    readers: tuple[Reader, ...]
    due: tuple[int, ...]
    processed: tuple[int, ...]
    faults: tuple[int, ...]
    copy: Cache | None


def put(items: tuple, index: int, item: object) -> tuple:  # type: ignore[type-arg]  # of any one kind, and of it again
    """Return the items with one of them replaced."""
    return (*items[:index], item, *items[index + 1 :])


def is_being_changed(state: State, obj: int) -> bool:
    """Whether a transaction runs that has announced a change of the object."""
    return any(writer.stage == WRITING and writer.told > obj for writer in state.writers)


def touched(state: State, obj: int) -> State:
    """Return the state after the object's head was touched: from now on nobody has come long after that."""
    if not any(reader.is_late and reader.obj == obj for reader in state.readers):
        return state
    readers = (reader._replace(is_late=reader.is_late and reader.obj != obj) for reader in state.readers)
    return state._replace(readers=tuple(readers))


def in_transaction(state: State) -> tuple[int, ...]:
    """Return which writers' transactions run, as a snapshot of the database tells."""
    return tuple(number for number, writer in enumerate(state.writers) if writer.stage == WRITING)
