"""What a strategy may be after each thing that its lane did to it: the model that reads and rows are compared with."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.checker.history import Operation

GONE = "(gone)"
"""In place of a name: it was deleted."""


@dataclass(slots=True)
class Life:
    """One strategy. It has one of `names`; its revision is between `least` and `most`, unless it is gone.

    `past` are all names that it may ever have had; `since` counts the lane's acknowledged writes after the last of its
    own.
    """

    id: str
    owner: str
    lane: str
    mark: str
    names: set[str]
    past: set[str]
    least: int = 1
    most: int = 1
    since: int = 0
    operations: list[Operation] = field(default_factory=list)

    @property
    def is_gone(self) -> bool:
        """Whether it is certainly deleted."""
        return self.names == {GONE}

    @property
    def may_be_gone(self) -> bool:
        """Whether it may be deleted."""
        return GONE in self.names

    def apply(self, operation: Operation) -> None:
        """Note what the lane did to it, or tried."""
        acknowledged = operation.answer is not None
        if not acknowledged and not operation.unknown:
            return
        name = GONE if operation.kind == "strategy.delete" else str(operation.mark)
        self.names = {name} if acknowledged else {*self.names, name}
        self.past.add(name)
        if operation.kind == "strategy.patch":
            self.least += acknowledged
            self.most += 1
        self.operations.append(operation)
        self.since = 0


@dataclass(slots=True)
class Lives:
    """All strategies that were certainly created, by id, as they are after the operations that were applied."""

    by_id: dict[str, Life] = field(default_factory=dict)

    def apply(self, operation: Operation) -> None:
        """Go on by one write. Each strategy is changed by the lane that made it, one write after the other."""
        if operation.answer is not None:
            for life in self.by_id.values():
                life.since += life.lane == operation.lane
        if operation.kind == "strategy.create" and operation.id:
            mark = str(operation.mark)
            self.by_id[operation.id] = Life(
                operation.id, operation.owner, operation.lane, mark, {mark}, {mark}, operations=[operation]
            )
        elif operation.kind in {"strategy.patch", "strategy.delete"} and operation.subject in self.by_id:
            self.by_id[operation.subject].apply(operation)


def lives_of(operations: Iterable[Operation]) -> Lives:
    """All strategies as they are in the end."""
    lives = Lives()
    for operation in operations:
        if not operation.is_read:
            lives.apply(operation)
    return lives
