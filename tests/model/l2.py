"""The shared cache with everybody around it, as one thing to be searched."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.bounds import Bounds
from tests.model.delivery import delivery_steps
from tests.model.faults import fault_steps
from tests.model.opener import opener_steps
from tests.model.properties import broken_in
from tests.model.protocol import Protocol
from tests.model.reader import reader_steps
from tests.model.sameness import mirrored, renamed
from tests.model.search import Step
from tests.model.state import State
from tests.model.writer import writer_steps


@dataclass(frozen=True)
class SharedCache:
    """A protocol within bounds. `folds`: mirror images count once, which traces would not survive."""

    protocol: Protocol
    bounds: Bounds
    folds: bool = True

    def initial(self) -> State:
        """The state that all begins in."""
        return self.bounds.initial()

    def steps(self, state: State) -> Iterator[Step]:
        """Every step that anybody can take."""
        for number in range(len(state.writers)):
            yield from writer_steps(self.protocol, self.bounds, state, number)
            yield from delivery_steps(self.protocol, state, number)
        if self.protocol.opens:
            yield from opener_steps(self.protocol, state)
        for number in range(len(state.readers)):
            yield from reader_steps(self.protocol, self.bounds, state, number)
        yield from fault_steps(self.protocol, state)

    def broken(self, state: State) -> tuple[str, ...]:
        """The promises that do not hold in a state."""
        return broken_in(self.protocol, state)

    def normal(self, state: State) -> State:
        """One state in place of all that cannot be told apart from it."""
        if self.protocol.opens:
            state = renamed(state)
        alike = len(state.writers) == len(state.readers) == 2 and len(set(self.bounds.reads)) == 1
        return mirrored(state) if self.folds and alike else state
