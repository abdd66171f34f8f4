"""How an event reaches the cache: the relay, and the invalidator, whose entries may come again and in any order."""

from collections.abc import Iterator

from tests.model.bounds import REPEAT, spend
from tests.model.protocol import Protocol
from tests.model.search import Step
from tests.model.state import CONSUMED, IN_OUTBOX, IN_STREAM, Event, State, put, touched


def delivery_steps(protocol: Protocol, state: State, number: int) -> Iterator[Step]:
    """Every step that can happen now to the event of one writer."""
    event, name = state.events[number], f"the event of writer {number + 1}"
    if event.stage == IN_OUTBOX:
        sent = Event(IN_STREAM, (False,) * len(event.applied))
        yield f"the relay publishes {name}", state._replace(events=put(state.events, number, sent)), ()
    elif event.stage == IN_STREAM:
        for obj, is_applied in enumerate(event.applied):
            if not is_applied:
                yield f"the invalidator applies {name}", _applied(protocol, state, number, obj), ()
    if any(event.applied) and state.faults[REPEAT]:
        again = put(state.events, number, Event(IN_STREAM, (False,) * len(event.applied)))
        yield f"{name} is delivered again", state._replace(events=again, faults=spend(state.faults, REPEAT)), ()


def _applied(protocol: Protocol, state: State, number: int, obj: int) -> State:
    version = state.writers[number].versions[obj]
    applied = put(state.events[number].applied, obj, True)
    cache = protocol.invalidate(state.cache, obj, version)
    if cache != state.cache:
        state = touched(state, obj)
    return state._replace(
        cache=cache,
        events=put(state.events, number, Event(CONSUMED if all(applied) else IN_STREAM, applied)),
        processed=put(state.processed, obj, max(state.processed[obj], version)),
    )
