"""Breadth-first over every state that can be reached; what breaks a promise is shown by the shortest way to it."""

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tests.model.state import State

S = TypeVar("S", bound=Hashable)
MOST_STATES = 100_000_000

Step = tuple[str, State, tuple[str, ...]]
"""What happens, in a sentence; the state after it; the promises that it breaks."""


class Model(Protocol[S]):
    """Something to be searched."""

    def initial(self) -> S:
        """The state that all begins in."""

    def steps(self, state: S) -> Iterator[tuple[str, S, tuple[str, ...]]]:
        """Every step that can be taken in a state, with the promises it breaks."""

    def broken(self, state: S) -> tuple[str, ...]:
        """The promises that do not hold in a state."""

    def normal(self, state: S) -> S:
        """One state in place of all that cannot be told apart from it."""


@dataclass
class Outcome:
    """`traces` has for each promise that was broken the sentences of the shortest way there.

    `is_exhausted`: there is nothing left that was not looked at.
    """

    states: int = 0
    transitions: int = 0
    is_exhausted: bool = False
    traces: dict[str, list[str]] = field(default_factory=dict)

    @property
    def broken(self) -> set[str]:
        """The promises that were broken."""
        return set(self.traces)

    def note(self, broken: Iterable[str], way: list[str]) -> None:
        """Note what is broken at the end of a way; the first way to a promise is the shortest."""
        for promise in broken:
            self.traces.setdefault(promise, way)


def search(
    model: Model[S], *, until: Collection[str] = (), keep_traces: bool = True, most: int = MOST_STATES
) -> Outcome:
    """Look at every state; with `until` no further than until each of these promises has been broken.

    Without `keep_traces` 64 bits are remembered of a state in place of the state (for n states two of them are taken
    for one with a probability of n**2 / 2**65), and of the way to a violation only its last step.
    """
    visited: _WithTraces[S] | _HashesOnly[S] = _WithTraces() if keep_traces else _HashesOnly()
    outcome = Outcome()
    first = model.normal(model.initial())
    visited.add(first, None, "")
    waiting = deque([first])
    while waiting and len(visited) < most and not (until and outcome.broken >= set(until)):
        state = waiting.popleft()
        if broken := model.broken(state):
            outcome.note(broken, visited.way_to(state))
        for sentence, reached, broken in model.steps(state):
            outcome.transitions += 1
            if broken:
                outcome.note(broken, [*visited.way_to(state), sentence])
            after = model.normal(reached)
            if visited.add(after, state, sentence):
                waiting.append(after)
    outcome.states, outcome.is_exhausted = len(visited), not waiting
    return outcome


class _WithTraces(Generic[S]):
    """The states that were seen, and how each was reached first."""

    def __init__(self) -> None:
        self._before: dict[S, tuple[S | None, str]] = {}

    def __len__(self) -> int:
        return len(self._before)

    def add(self, state: S, before: S | None, sentence: str) -> bool:
        if state in self._before:
            return False
        self._before[state] = before, sentence
        return True

    def way_to(self, state: S) -> list[str]:
        sentences: list[str] = []
        at: S | None = state
        while at is not None:
            at, sentence = self._before[at]
            sentences.append(sentence)
        return sentences[-2::-1]


class _HashesOnly(Generic[S]):
    """That they were seen, and no more."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, state: S, before: S | None, sentence: str) -> bool:
        known = len(self._hashes)
        self._hashes.add(hash(state))
        return len(self._hashes) > known

    def way_to(self, state: S) -> list[str]:
        return ["(search again with traces)"]
