"""How far a run of the model goes: so many objects, writers, reads and faults, every order of them."""

from dataclasses import dataclass, field
from typing import Final, Literal

from tests.model.state import CURRENT, IDLE, NONE, NOTHING, OPEN, Cache, Event, Reader, State, Writer

WIPE, EVICT, CRASH, REPEAT, TIMEOUT, ROLLBACK, CLOSE, STALL = range(8)
IN_ALL: Final = 8

FAULTS: Final = {
    "wipe": WIPE,
    "evict": EVICT,
    "crash": CRASH,
    "repeat": REPEAT,
    "timeout": TIMEOUT,
    "rollback": ROLLBACK,
    "close": CLOSE,
    "stall": STALL,
}
"""The cache loses all; one head; a writer ends before or after its commit; an event comes again; an announcement is
not answered in time; the cache is as it was some time ago; it loses its state and nothing else; an opener stands still
and another takes its place."""

ANY: Final = dict.fromkeys(FAULTS, 1)


@dataclass(frozen=True)
class Bounds:
    """`reads` by client; `faults` how many of each kind, and `at_most` how many in all.

    `policy` is what a writer does whose announcement is not answered; `lookup` how a reader looks: in one step (the
    script) or in two (the pipeline of state, entry and head, which others' steps may come between). With `waits` half a
    minute may pass before a reader looks, so that it can tell a floor that nobody stands behind.
    """

    reads: tuple[int, ...] = (1, 1)
    faults: dict[str, int] = field(default_factory=dict)
    at_most: int = 9
    writers: int = 2
    objects: int = 1
    policy: Literal["strict", "available"] = "strict"
    lookup: Literal["script", "pipeline"] = "script"
    waits: bool = False

    def initial(self) -> State:
        """Return the state that all begins in: open, with nothing cached, nothing written."""
        zeros = (0,) * self.objects
        counts = [0] * len(FAULTS)
        for name, count in self.faults.items():
            counts[FAULTS[name]] = count
        return State(
            database=zeros,
            writers=(Writer(IDLE, zeros, 0),) * self.writers,
            events=(Event(NONE, (False,) * self.objects),) * self.writers,
            cache=Cache(OPEN, CURRENT, (NOTHING,) * self.objects),
            opening=None,
            stray=None,
            readers=tuple(Reader(IDLE, 0, 0, 0, 0, 0, 0, False, reads, zeros, zeros) for reads in self.reads),
            due=zeros,
            processed=zeros,
            faults=(*counts, self.at_most if any(counts) else 0),
            copy=None,
        )


def spend(faults: tuple[int, ...], kind: int) -> tuple[int, ...]:
    """Return what may still happen after one more fault of a kind."""
    left = faults[IN_ALL] - 1
    if left == 0:
        return (0,) * len(faults)
    return (*faults[:kind], faults[kind] - 1, *faults[kind + 1 : IN_ALL], left)
