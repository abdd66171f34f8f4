"""What can happen to the cache server."""

from collections.abc import Iterator

from tests.model.bounds import CLOSE, EVICT, ROLLBACK, WIPE, spend
from tests.model.protocol import Protocol
from tests.model.search import Step
from tests.model.state import BYPASS, CLOSED, LOOKING, MISSED, NOTHING, OPEN, Cache, State, is_being_changed, put


def fault_steps(protocol: Protocol, state: State) -> Iterator[Step]:
    """Every fault that the cache server can suffer now."""
    lost = CLOSED if protocol.opens else OPEN
    if state.faults[WIPE]:
        empty = Cache(lost, 0, (NOTHING,) * len(state.database))
        faults = spend(state.faults, WIPE)
        yield "FAULT: the cache loses everything", state._replace(cache=empty, opening=None, faults=faults), ()
    if state.faults[CLOSE] and state.cache.phase != CLOSED:
        closed = state._replace(cache=state.cache._replace(phase=lost, incarnation=0), opening=None)
        yield "FAULT: the cache loses its state, and only that", closed._replace(faults=spend(state.faults, CLOSE)), ()
    if state.faults[EVICT]:
        for obj, record in enumerate(state.cache.records):
            is_kept = protocol.announces and protocol.keeps_raised_heads and is_being_changed(state, obj)
            if (record.lineage or record.floor) and not is_kept:
                evicted = put(state.cache.records, obj, record._replace(lineage=0, incarnation=0, floor=0))
                cache = state.cache._replace(records=evicted)
                to = "FAULT: the head of the object is evicted"
                yield to, state._replace(cache=cache, faults=spend(state.faults, EVICT)), ()
    if state.faults[ROLLBACK]:
        if state.copy is None:
            yield "(the cache is copied as it is now)", state._replace(copy=state.cache), ()
        else:
            yield "FAULT: the cache is rolled back to its copy", _rolled_back(protocol, state, state.copy), ()


def _rolled_back(protocol: Protocol, state: State, copy: Cache) -> State:
    """Another process of the server has the copy: its run id is another, and every connection was cut."""
    if protocol.opens and protocol.compares_run_id:
        copy = copy._replace(phase=CLOSED, incarnation=0)
    readers = tuple(
        reader._replace(stage=MISSED, lease=BYPASS, value=0) if reader.stage == LOOKING else reader
        for reader in state.readers
    )
    faults = spend(state.faults, ROLLBACK)
    return state._replace(cache=copy, copy=None, opening=None, readers=readers, faults=faults)
