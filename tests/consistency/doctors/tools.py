"""What a doctor works with: the things in a story, and ways of changing what it says."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from tests.consistency.checker.history import Applied, Line, Read
from tests.consistency.story import Story, key_of

Doctor = Callable[[Story], None]
L = TypeVar("L", bound=Line)
Mutation = tuple[str, Doctor]
ANN, OTHER, BOB = key_of("ann", 1), key_of("ann", 2), key_of("bob", 1)
PASSING, RUN, SESSION = key_of("ann", 9), key_of("ann", 9, "backtest"), key_of("ann", 9, "session")
SWEEP, DATASET = key_of("ann", 9, "sweep"), key_of("ann", 9, "dataset")
LONG_AGO = 1.0
"""Longer than any lease, in seconds."""


def breaking(mutations: list[Mutation]) -> Callable[[str], Callable[[Doctor], Doctor]]:
    """Return a decorator that notes among `mutations` what breaks a rule."""

    def breaks(rule: str) -> Callable[[Doctor], Doctor]:
        def note(doctor: Doctor) -> Doctor:
            mutations.append((rule, doctor))
            return doctor

        return note

    return breaks


def change(story: Story, line: L, **fields: Any) -> L:
    """Put something else in place of a line of the journal."""
    changed = msgspec.structs.replace(line, **fields)
    story.lines[next(at for at, each in enumerate(story.lines) if each is line)] = changed
    return changed


def last(story: Story, kind: type[L], which: Callable[[L], bool] = lambda _: True) -> L:
    """The last line of a kind."""
    return next(each for each in reversed(story.lines) if isinstance(each, kind) and which(each))


def written(story: Story, key: str = ANN) -> tuple[int, str]:
    """Write a key once more, and return what it was before."""
    before = story.values[key]
    story.write(key)
    return before


def show(story: Story, value: tuple[int, str] | None, **fields: Any) -> Read:
    """Read the key through the shared cache a while later, and be shown this; None for nothing."""
    story.now += LONG_AGO
    owner, key = fields.pop("owner", "ann"), fields.pop("key", ANN)
    return change(story, story.read(owner, key, **fields), found={} if value is None else {key: value})


def listed(story: Story, key: str, value: tuple[int, str] | None, kind: str = "strategy", by: str = "ann") -> Read:
    """List a kind a while later, and be shown this of one key; None for nothing."""
    story.now += LONG_AGO
    read = story.list(by, kind)
    others = {each: shown for each, shown in read.found.items() if each != key}
    return change(story, read, found=others if value is None else {**others, key: value})


def unapplied(story: Story) -> None:
    """Have the last event not been applied."""
    assert isinstance(story.lines.pop(), Applied)


def made_and_deleted(story: Story, key: str) -> tuple[int, str]:
    """Make something and delete it; returns what it was."""
    story.write(key)
    before = story.values[key]
    story.delete(key)
    return before
