"""Every run of the model by its name: what is searched, and which promises are found broken there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from tests.model import mutants
from tests.model.bounds import ANY, Bounds
from tests.model.l1 import BOUND, Level1
from tests.model.l2 import SharedCache
from tests.model.naive import DeleteOnEvent, DeleteOnWrite, FloorsOnly
from tests.model.ours import Flushing, Ours
from tests.model.properties import EC, FLOOR, LIN, MONO, RYW
from tests.model.protocol import Protocol
from tests.model.search import MOST_STATES, Model, Outcome, search


@dataclass(frozen=True)
class Run:
    """One search. `breaks` are the promises that must be found broken; none: the search has to find nothing at all.

    `is_whole`: every state is looked at all the same, and nothing else may be broken. `is_long`: it takes minutes or
    hours, and `make test` leaves it out.
    """

    says: str
    model: SharedCache | Level1
    breaks: tuple[str, ...] = ()
    is_long: bool = False
    is_whole: bool = False

    def __call__(self, *, most: int = MOST_STATES) -> Outcome:
        """Search: no further than to the violations that are expected, unless all is to be looked at."""
        until = () if self.is_whole else self.breaks
        return search(cast("Model[Any]", self.model), until=until, keep_traces=not self.is_long, most=most)

    def is_as_expected(self, outcome: Outcome) -> bool:
        """Whether the search found what it had to, and only that."""
        if self.breaks and not self.is_whole:
            return outcome.broken >= set(self.breaks)
        return outcome.is_exhausted and outcome.broken == set(self.breaks)


def _l2(protocol: Callable[[], Protocol], says: str, *breaks: str, is_long: bool = False, **bounds: Any) -> Run:
    return Run(says, SharedCache(protocol(), Bounds(**bounds), folds=not breaks), breaks, is_long)


def _l1(says: str, *breaks: str, is_long: bool = False, **differences: Any) -> Run:
    small = Level1(is_writer=True, reads=2, writes=1, pings=1)
    return Run(says, replace(small, **differences), breaks, is_long)


def _available(says: str, **bounds: Any) -> Run:
    """Ours where a write is done without an answer of the cache: old until its event, and nothing worse than that."""
    return replace(_l2(Ours, says, LIN, policy="available", **bounds), is_whole=True)


_one: Final[dict[str, Any]] = {"writers": 1}

NAIVE: Final[Mapping[str, Run]] = {
    "delete-on-write": _l2(DeleteOnWrite, "who writes deletes the entry after the commit", LIN, RYW, FLOOR, EC),
    "delete-on-event": _l2(DeleteOnEvent, "an event deletes the entry", LIN, RYW, FLOOR, EC),
    "floors-only": _l2(FloorsOnly, "an event raises a floor: old until it arrives", LIN, RYW),
    "floors-only-wiped": _l2(FloorsOnly, "the same, and the cache is wiped", FLOOR, EC, faults={"wipe": 1}, **_one),
    "floors-only-evicted": _l2(FloorsOnly, "the same, a floor evicted", FLOOR, EC, faults={"evict": 1}, **_one),
}

MUTANTS: Final[Mapping[str, Run]] = {
    "no-announcement": _l2(mutants.NoAnnouncement, "without the announcement before the commit", LIN, **_one),
    "no-lineage": _l2(mutants.NoLineage, "without lineage", FLOOR, faults={"evict": 1}, **_one),
    "no-floor": _l2(mutants.NoFloorAtFill, "without the comparison with the floor", LIN, **_one),
    "old-incarnations": _l2(
        mutants.OldIncarnationsCount, "heads of before the re-opening count", LIN, faults={"close": 1}, **_one
    ),
    "no-barrier": _l2(mutants.NoBarrier, "opened without the barrier", LIN, faults={"wipe": 1}, **_one),
    "early-snapshot": _l2(
        mutants.LooksBeforeItBegins, "the snapshot taken before the opening begins", LIN, faults={"wipe": 1}, **_one
    ),
    "deaf-while-opening": _l2(
        mutants.NotToldWhileOpening, "announcements ignored while opening", LIN, faults={"wipe": 1}, **_one
    ),
    "serves-while-opening": _l2(mutants.ServesWhileOpening, "served while opening", LIN, faults={"wipe": 1}, **_one),
    "any-opener": _l2(
        mutants.AnyOpenerFinishes, "an opener that was given up opens", LIN, faults={"wipe": 1, "stall": 1}, **_one
    ),
    "no-run-id": _l2(mutants.NoRunId, "a rollback is not noticed", LIN, faults={"rollback": 1}, **_one),
    "raised-heads-expire": _l2(
        mutants.RaisedHeadsExpire, "a head may go while its writer's transaction runs", LIN, faults={"evict": 1}, **_one
    ),
    "take-back-uncompared": _l2(
        mutants.TakesBackWithoutComparing, "taken back without comparing who raised it", LIN, faults={"crash": 1}
    ),
    "take-back-unanswered": _l2(
        mutants.TakesBackUnanswered, "taken back though it was not answered", LIN, faults={"timeout": 1}
    ),
    "lowers-any-floor": _l2(mutants.LowersAnyFloor, "every floor taken for an orphan", LIN, **_one),
    "joins-any-flight": _l2(mutants.JoinsAnyFlight, "a reader takes the value of an older flight", LIN, **_one),
    "no-tokens": _l2(
        mutants.LooksAtNoToken, "available, without tokens", RYW, policy="available", faults={"timeout": 1}, **_one
    ),
    "available": _l2(
        Ours, "available: the commit goes on without an answer", LIN, policy="available", faults={"timeout": 1}, **_one
    ),
    "l1-no-floor": _l1(
        "L1: a reply that its invalidation has overtaken is kept", BOUND, EC, keeps_floors=False, is_writer=False
    ),
    "l1-no-lease": _l1("L1: without the freshness lease", EC, has_lease=False, notices_loss=False),
    "l1-no-epoch": _l1("L1: a reply of before the feed was made anew is kept", EC, compares_epochs=False),
    "l1-keeps-refused": _l1(
        "L1: what the shared cache refused is kept", BOUND, EC, keeps_accepted=False, is_writer=False
    ),
    "l1-no-tokens": _l1("L1: without tokens", MONO, RYW, looks_at_tokens=False, reads=3),
}

OURS: Final[Mapping[str, Run]] = {
    "ours": _l2(Ours, "no fault"),
    "ours-evict": _l2(Ours, "a head evicted", faults={"evict": 1}),
    "ours-crash": _l2(Ours, "a writer crashes", faults={"crash": 1}),
    "ours-repeat": _l2(Ours, "an event comes again", faults={"repeat": 1}),
    "ours-timeout": _l2(Ours, "an announcement is not answered", faults={"timeout": 1}),
    "ours-any-fault": _l2(Ours, "one writer, any one fault", faults=ANY, at_most=1, **_one),
    "ours-pipeline": _l2(Ours, "the same, looked up in steps", faults=ANY, at_most=1, lookup="pipeline", **_one),
    "ours-opener-stalls": _l2(Ours, "wiped, and the opener stands still", faults={"wipe": 1, "stall": 1}, **_one),
    "ours-orphans": _l2(Ours, "a floor that its writer left", faults={"crash": 1, "timeout": 1}, waits=True, **_one),
    "ours-available": _available("available, an announcement is not answered", faults={"timeout": 1}),
    "ours-available-evict": _available("the same, and a head evicted", faults={"timeout": 1, "evict": 1}, **_one),
    "ours-available-wipe": _available("the same, and a wipe", faults={"timeout": 1, "wipe": 1}, **_one),
    "ours-l1": _l1("L1, its reader is the writer"),
}

LONG: Final[Mapping[str, Run]] = {
    "flushing-wipe": _l2(Flushing, "the design's flush, wiped", faults={"wipe": 1}, is_long=True),
    "flushing-rollback": _l2(Flushing, "the same, rolled back", faults={"rollback": 1}, is_long=True),
    "ours-any-1": _l2(Ours, "two writers, 1 + 1 reads, any one fault", faults=ANY, at_most=1, is_long=True),
    "ours-any-2": _l2(Ours, "one writer, 1 + 1 reads, any two faults", faults=ANY, at_most=2, is_long=True, **_one),
    "ours-pipeline-1": _l2(
        Ours, "two writers, looked up in steps, any one", faults=ANY, at_most=1, lookup="pipeline", is_long=True
    ),
    "ours-orphans-1": _l2(Ours, "orphan floors, any one fault", faults=ANY, at_most=1, waits=True, is_long=True),
    "ours-two-objects": _l2(Ours, "every write changes two objects", objects=2, is_long=True),
    "ours-l1-4-reads": _l1("L1, 4 reads, 2 writes, 3 PINGs", reads=4, writes=2, pings=3, is_long=True),
}
"""Minutes to hours each; any of them can be begun with `python -m tests.model`, with other bounds as well."""

ALL: Final[Mapping[str, Run]] = {**OURS, **MUTANTS, **NAIVE, **LONG}
