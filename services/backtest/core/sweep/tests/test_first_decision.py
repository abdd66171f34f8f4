"""The bar of the first decision, by combination."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

from services.backtest.core.language import InvalidParams, InvalidSpec, check_spec
from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.sweep.grid import InvalidSpace
from services.backtest.core.sweep.plan import plan_sweep
from services.backtest.core.sweep.singles import completed
from services.backtest.core.sweep.singles import given as given_singles
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.documents import documents, grids
from tests.depth import examples


@settings(deadline=None, max_examples=examples(50))
@given(documents, grids)
def test_it_is_that_of_the_bound_strategy(document: dict[str, Any], grid: dict[str, Any]) -> None:
    """Each combination's warm-up is what binding it by itself infers."""
    try:
        spec = check_spec(document)
        space = Space.read(spec, grid)
    except (InvalidSpec, InvalidSpace):
        assume(False)
    plan, combinations = plan_sweep(spec, space.axes, ("long", "short")), space.combinations(0, space.stop)
    singles = completed(plan.nodes, plan.single_nodes, given_singles(spec, space.axes), combinations)
    bars = plan.first.bars(plan.nodes, singles, combinations)
    for index in range(len(combinations)):
        try:
            assert bars[index] == spec.bind(combinations.params(index)).warmup_bars
        except InvalidParams:
            continue


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.formula is None])
def test_functions_say_for_columns_of_lengths_what_they_say_for_one(name: str) -> None:
    """How long a function shows nothing is asked for all combinations at once."""
    function = FUNCTIONS[name]
    assert function.hidden is not None
    lengths = sum(argument.role is Role.LENGTH for argument in function.arguments)
    columns = [np.arange(1, 9) * (number + 1) for number in range(lengths)]
    together = np.broadcast_to(function.hidden(*columns), 8)
    assert together.tolist() == [function.hidden(*(int(column[row]) for column in columns)) for row in range(8)]
