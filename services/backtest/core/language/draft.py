"""A strategy while it is read: the tree so far, and the names an expression may use."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from services.backtest.core.language.errors import Report
from services.backtest.core.language.functions import PUBLIC, SERIES, TRUTH, Range
from services.backtest.core.language.params import Param
from services.backtest.core.language.suggest import did_you_mean
from services.backtest.core.language.tree import Place, Tree


@dataclass(frozen=True, slots=True)
class Demand:
    """An argument that has to be within a range: what a message calls it, and where it was first written."""

    label: str
    place: Place


Demands = Mapping[tuple[int, Range], Demand]
"""By the position of a single value and the range it has to be in; checked once the params are known."""


@dataclass(slots=True)
class Draft:
    """The state of reading one document.

    `places` says where each node of `tree` was written first. A `let` or a param that failed stands in `lets` as
    None; `later` holds the lets that come further down; `parts` counts what has been read of the whole document.
    """

    report: Report
    params: Mapping[str, Param]
    tree: Tree = field(default_factory=Tree)
    places: dict[int, Place] = field(default_factory=dict)
    demands: dict[tuple[int, Range], Demand] = field(default_factory=dict)
    lets: dict[str, int | None] = field(default_factory=dict)
    later: Set[str] = frozenset()
    parts: int = 0

    def values(self) -> set[str]:
        """Every name that may stand for a value here."""
        return {*SERIES, *TRUTH, *self.params, *self.lets}

    def name_problem(self, name: str) -> str:
        """What to say of a name that stands for no value here."""
        if name in PUBLIC:
            return f"`{name}` is a function; write `{PUBLIC[name].call_form}`"
        if name in self.later:
            return f"`{name}` is defined here or further down; names refer backwards only, move it above"
        return f"unknown name `{name}`{did_you_mean(name, self.values())}"
