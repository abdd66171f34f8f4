"""Re-opening a cache that lost its state: nobody is served before the transactions of that moment have ended.

Such a transaction may have announced its version to the cache that was lost, and commit yet.
"""

from collections.abc import Iterator

from tests.model.bounds import STALL, spend
from tests.model.protocol import Protocol
from tests.model.search import Step
from tests.model.state import CLOSED, OPENING, Opening, State, in_transaction


def opener_steps(protocol: Protocol, state: State) -> Iterator[Step]:
    """Every step that whoever re-opens the cache can take now. `stray` is one whom another has replaced."""
    phase, opening = state.cache.phase, state.opening
    if phase == CLOSED or (phase == OPENING and opening is None):
        yield from _begin(protocol, state)
    if opening is not None and phase == OPENING:
        if _may_finish(opening, state):
            cache = protocol.finish_opening(state.cache, opening.incarnation)
            yield "the opener opens the cache", state._replace(cache=cache, opening=None), ()
        if state.faults[STALL]:
            stray = state._replace(opening=None, stray=opening, faults=spend(state.faults, STALL))
            yield "the opener stands still, and is given up", stray, ()
    if state.stray is not None and _may_finish(state.stray, state):
        cache = protocol.finish_opening(state.cache, state.stray.incarnation)
        yield "the opener that was given up comes to its end", state._replace(cache=cache, stray=None), ()


def _begin(protocol: Protocol, state: State) -> Iterator[Step]:
    """It looks which transactions run when it has begun; one that begins after that finds an opening to announce to."""
    if protocol.looks_before_it_begins and state.opening is None:
        looked = state._replace(opening=Opening(0, in_transaction(state)))
        yield "an opener looks which transactions run", looked, ()
        return
    cache = protocol.begin_opening(state.cache)
    waits_for = in_transaction(state) if protocol.has_barrier else ()
    if state.opening is not None:
        waits_for = state.opening.waits_for
    begun = state._replace(cache=cache, opening=Opening(cache.incarnation, waits_for))
    yield "an opener begins to open the cache", begun, ()


def _may_finish(opening: Opening, state: State) -> bool:
    running = in_transaction(state)
    return not any(writer in running for writer in opening.waits_for)
