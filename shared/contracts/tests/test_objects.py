"""Names of objects, and whose they are."""

import pytest

from shared.contracts import objects
from shared.contracts.objects import KEEPERS, Keeper, keeper_of


@pytest.mark.parametrize(
    ("keeper", "makers"),
    [
        (
            "strategy",
            [objects.strategy_object, objects.strategies_object, objects.user_object, objects.session_object],
        ),
        (
            "backtest",
            [
                *(objects.backtest_object, objects.backtests_object, objects.sweep_object, objects.sweeps_object),
                *(objects.dataset_object, objects.datasets_object),
            ],
        ),
    ],
)
def test_each_object_has_the_keeper_that_writes_it(keeper: Keeper, makers: list[object]) -> None:
    """A service can wait for the transactions of its own database only, so it opens the cache for its own objects."""
    for make in makers:
        assert callable(make)
        name: str = make("0190a6f2")
        assert keeper_of(name.partition(":")[0]) == keeper


@pytest.mark.parametrize(
    ("object_type", "keeper"),
    [("users", "strategy"), ("api_key", "strategy"), ("api_keys", "strategy")]
    + [(name, "backtest") for name in ("validation", "validations", "gate", "gates", "pipelines", "strategy_trials")],
)
def test_what_is_not_the_strategy_services_is_the_backtest_services(object_type: str, keeper: Keeper) -> None:
    """A type that is new has a keeper, and there are no more than these."""
    assert keeper_of(object_type) == keeper
    assert keeper in KEEPERS
