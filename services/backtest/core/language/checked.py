"""A strategy that has been checked: it can be named by its hash and bound to params."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.backtest.core.language.bind import BoundStrategy, bound_nodes, single_values, stop_problems, unmet
from services.backtest.core.language.draft import Demands
from services.backtest.core.language.errors import InvalidParams, SpecError, summary
from services.backtest.core.language.params import Param, accept_values
from services.backtest.core.language.reader import Source
from services.backtest.core.language.sizing import Sizing
from services.backtest.core.language.tree import Place, Scalar, Tree
from services.backtest.core.language.warmup import warmup_bars


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on the params: its text, the node it is, and the params it speaks of."""

    source: Source
    position: int
    params: tuple[str, ...]

    def problem(self, values: Mapping[int, Scalar], params: Mapping[str, Scalar]) -> str | None:
        """What to say when the constraint does not hold, else None."""
        if values.get(self.position, True):
            return None
        shown = ", ".join(f"{name} = {params[name]}" for name in self.params)
        return f"`{self.source.text.strip()}` does not hold with {shown or 'any params'}"


@dataclass(frozen=True, slots=True)
class CheckedSpec:
    """A strategy without faults.

    `spec_hash` names it whatever its spelling; `warmup_bars` is how many bars pass before its first decision when
    every param has its default. `rules` and `terms` are positions in `tree`, as in a BoundStrategy.
    """

    spec_hash: str
    warmup_bars: int
    params: Mapping[str, Param]
    rules: Mapping[str, int]
    terms: Mapping[str, int]
    sizing: Sizing
    tree: Tree
    places: Mapping[int, Place]
    demands: Demands
    constraints: tuple[Constraint, ...]

    def bind(self, params: Mapping[str, object] | None = None) -> BoundStrategy:
        """The strategy with these param values, defaults for the rest.

        Raises InvalidParams, with pointers under `/params`, for an unknown param, a value outside its type or bounds,
        a constraint that does not hold, or a length, a stop or an operation that the values make impossible.
        """
        accepted, errors = accept_values(self.params, params or {})
        if errors:
            raise InvalidParams(summary(errors), errors=tuple(errors))
        values, problems = single_values(self.tree, self.places, accepted)
        problems += unmet(self.demands, values) + stop_problems(self.terms, values)
        broken = (constraint.problem(values, accepted) for constraint in self.constraints)
        messages = [f"the constraint {problem}" for problem in broken if problem is not None]
        messages += [f"{problem.place}: {problem.message}" for problem in problems]
        if messages:
            errors = [SpecError("/params", message) for message in messages]
            raise InvalidParams(summary(errors), errors=tuple(errors))
        nodes, roots = bound_nodes(self.tree, values, {**self.rules, **self.terms})
        return BoundStrategy(
            spec_hash=self.spec_hash,
            params=accepted,
            nodes=nodes,
            rules={rule: roots[rule] for rule in self.rules},
            terms={term: roots[term] for term in self.terms},
            sizing=self.sizing,
            warmup_bars=warmup_bars(nodes, roots.values()),
        )
