"""The caches of the gateway's processes, as a model of their own, above a shared cache that keeps its promise.

The shared cache is what the other model shows it to be: a read through it returns what is committed, and it accepts a
value only if that is not below its floor. One object, writes one after the other (announce, commit, acknowledge), one
client whose reads go to either of two processes. The feed of a process is in order; it may be half open, so that what
is sent is lost and nobody notices for a while.

BOUND: an L1 hit is no older than what was acknowledged or read when the last PING was sent that has been answered: that
is, no older than the freshness lease. RYW, MONO and EC are as for the shared cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

BOUND: Final = "BOUND"
EMPTY: Final = -1

# The write under way.
NONE: Final = 0
ANNOUNCED: Final = 1
COMMITTED: Final = 2

PONG: Final = 0
INVALIDATION: Final = 1


class Message(NamedTuple):
    """On a feed: an invalidation up to `version`, or the answer to a PING that was sent when `version` was due."""

    kind: int
    version: int


class Process(NamedTuple):
    """One of the gateway. `held` is the version in its L1, `floor` what was announced while a read is in flight.

    `feed` is what is on its way, `is_fed` whether what is sent arrives, `is_fresh` whether the lease holds, `bound`
    what was due when it was renewed, `is_later` whether the feed was made anew since the read in flight began.
    """

    held: int
    floor: int
    feed: tuple[Message, ...]
    is_fed: bool
    is_fresh: bool
    bound: int
    is_later: bool


class Flight(NamedTuple):
    """A read that L1 did not answer: at which process, what came back, whether L2 keeps it, the token's version."""

    process: int
    value: int
    is_accepted: bool
    own: int


class L1State(NamedTuple):
    """`floor` is that of the shared cache; `due` what was acknowledged or read; `token` and `seen` the client's."""

    database: int
    floor: int
    written: int
    writing: int
    processes: tuple[Process, ...]
    flight: Flight | None
    reads_left: int
    token: int
    seen: int
    due: int
    breaks_left: int
    pings_left: int


@dataclass(frozen=True)
class Level1:
    """How a process keeps its L1; a mutant goes without one of these.

    `keeps_floors`: a reply is not kept that its invalidation has overtaken. `compares_epochs`: nor one of before the
    feed was made anew. `has_lease`: without the answer to a PING nothing is served for longer than the lease.
    `notices_loss`: a feed that is lost is noticed at last. `looks_at_tokens`. `keeps_accepted`: only what the shared
    cache answered or accepted is kept.
    """

    keeps_floors: bool = True
    compares_epochs: bool = True
    has_lease: bool = True
    notices_loss: bool = True
    looks_at_tokens: bool = True
    keeps_accepted: bool = True
    is_writer: bool = False
    reads: int = 4
    writes: int = 2
    breaks: int = 1
    pings: int = 3

    def initial(self) -> L1State:
        """Nothing held, both feeds whole and fresh."""
        process = Process(EMPTY, 0, (), True, True, 0, False)
        counts = (self.reads, 0, 0, 0, self.breaks, self.pings)
        return L1State(0, 0, 0, NONE, (process, process), None, *counts)

    def steps(self, state: L1State) -> Iterator[tuple[str, L1State, tuple[str, ...]]]:
        """Every step that can be taken in a state."""
        yield from self._write(state)
        for number in range(len(state.processes)):
            yield from self._feed(state, number)
            if state.flight is None and state.reads_left:
                yield self._read(state, number)
        if state.flight is not None:
            yield self._land(state, state.flight)

    def broken(self, state: L1State) -> tuple[str, ...]:
        """EC, when nothing is under way that would change what is served."""
        is_quiet = state.writing == NONE and state.flight is None
        if not is_quiet or any(each.kind == INVALIDATION for process in state.processes for each in process.feed):
            return ()
        return ("EC",) if any(self._serves_old(process, state.database) for process in state.processes) else ()

    def normal(self, state: L1State) -> L1State:
        """The processes can change places."""
        first, second = state.processes
        if first <= second:
            return state
        flight = state.flight and state.flight._replace(process=1 - state.flight.process)
        return state._replace(processes=(second, first), flight=flight)

    def _serves_old(self, process: Process, committed: int) -> bool:
        is_served = not self.has_lease or (process.is_fresh and process.is_fed)
        return EMPTY < process.held < committed and is_served

    def _write(self, state: L1State) -> Iterator[tuple[str, L1State, tuple[str, ...]]]:
        version = state.database + 1
        if state.writing == NONE and state.written < self.writes:
            sent = Message(INVALIDATION, version)
            processes = tuple(
                each._replace(feed=(*each.feed, sent)) if each.is_fed else each for each in state.processes
            )
            after = state._replace(floor=version, writing=ANNOUNCED, processes=processes)
            yield f"the writer announces version {version}, to the feeds as well", after, ()
        elif state.writing == ANNOUNCED:
            yield f"the writer commits version {version}", state._replace(database=version, writing=COMMITTED), ()
        elif state.writing == COMMITTED:
            token = max(state.token, state.database) if self.is_writer else 0
            due = max(state.due, state.database)
            after = state._replace(written=state.written + 1, writing=NONE, due=due, token=token)
            yield f"the writer is acknowledged: version {state.database}", after, ()

    def _feed(self, state: L1State, number: int) -> Iterator[tuple[str, L1State, tuple[str, ...]]]:
        process, name = state.processes[number], f"process {number + 1}"
        if process.feed:
            message, rest = process.feed[0], process.feed[1:]
            if message.kind == INVALIDATION:
                yield f"{name} hears of version {message.version}", self._heard(state, number, message.version), ()
            else:
                renewed = process._replace(feed=rest, is_fresh=True, bound=message.version)
                yield f"{name} has the answer to its PING", _with(state, number, renewed), ()
        if self.has_lease:
            if process.is_fed and state.pings_left and all(each.kind != PONG for each in process.feed):
                asked = process._replace(feed=(*process.feed, Message(PONG, state.due)))
                after = _with(state, number, asked)
                yield f"{name} sends a PING over its feed", after._replace(pings_left=state.pings_left - 1), ()
            if process.is_fresh:
                yield f"the lease of {name} ends", _with(state, number, process._replace(is_fresh=False)), ()
        if process.is_fed and state.breaks_left:
            lost = process._replace(is_fed=False, feed=())
            after = _with(state, number, lost)._replace(breaks_left=state.breaks_left - 1)
            yield f"FAULT: the feed of {name} is half open", after, ()
        if not process.is_fed and self.notices_loss:
            is_later = state.flight is not None
            anew = Process(EMPTY, 0, process.feed, True, not self.has_lease, process.bound, is_later)
            yield f"{name} notices, drops all it holds, and has a new feed", _with(state, number, anew), ()

    def _heard(self, state: L1State, number: int, version: int) -> L1State:
        process = state.processes[number]
        is_in_flight = state.flight is not None and state.flight.process == number
        floor = max(process.floor, version) if self.keeps_floors and is_in_flight else 0
        held = EMPTY if process.held < version else process.held
        return _with(state, number, process._replace(held=held, floor=floor, feed=process.feed[1:]))

    def _read(self, state: L1State, number: int) -> tuple[str, L1State, tuple[str, ...]]:
        process, name = state.processes[number], f"process {number + 1}"
        held = process.held
        is_new_enough = not self.looks_at_tokens or held >= max(state.token, state.seen)
        if held > EMPTY and (process.is_fresh or not self.has_lease) and is_new_enough:
            after = state._replace(
                reads_left=state.reads_left - 1, seen=max(state.seen, held), due=max(state.due, held)
            )
            broken = ["BOUND"] * (held < process.bound) + _broken(held, state.token, state.seen)
            return f"{name} serves version {held} from its L1", after, tuple(broken)
        flight = Flight(number, state.database, state.database >= state.floor or not self.keeps_accepted, state.token)
        return f"{name} asks further on: version {state.database}", state._replace(flight=flight), ()

    def _land(self, state: L1State, flight: Flight) -> tuple[str, L1State, tuple[str, ...]]:
        process, value = state.processes[flight.process], flight.value
        is_of_epoch = not (process.is_later and self.compares_epochs)
        is_kept = flight.is_accepted and value >= process.floor and is_of_epoch and process.is_fed
        held = max(value, process.held) if is_kept else process.held
        after = _with(state, flight.process, process._replace(held=held, floor=0, is_later=False))
        after = after._replace(
            flight=None, reads_left=state.reads_left - 1, seen=max(state.seen, value), due=max(state.due, value)
        )
        kept = "keeps" if is_kept else "does not keep"
        broken = _broken(value, flight.own, state.seen)
        return f"process {flight.process + 1} {kept} version {value}, and returns it", after, tuple(broken)


def _broken(value: int, own: int, seen: int) -> list[str]:
    return ["RYW"] * (value < own) + ["MONO"] * (value < seen)


def _with(state: L1State, number: int, process: Process) -> L1State:
    first, second = state.processes
    return state._replace(processes=(process, second) if number == 0 else (first, process))
