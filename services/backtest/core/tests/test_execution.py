"""Which executions are possible."""

from typing import Any

import pytest

from services.backtest.core.execution import InvalidExecution, check_execution, sides_of
from services.backtest.core.language import SpecError, check_spec
from shared.contracts.values import Execution

LONG = check_spec({"entry_long": "close > 1"})


@pytest.mark.parametrize(
    ("options", "pointer", "message"),
    [
        ({"fee_fixed": 1e16}, "fee_fixed", "is 1e+16; it must be at most 1e+15"),
        ({"borrow_bps_per_year": 2e6}, "borrow_bps_per_year", "is 2e+06; it must be at most 1e+06"),
        ({"side": "short"}, "side", "the strategy has no `entry_short`; write one, or another side"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(options: dict[str, Any], pointer: str, message: str) -> None:
    """An error with its pointer."""
    with pytest.raises(InvalidExecution) as caught:
        check_execution(Execution(**options), LONG)
    assert caught.value.errors == (SpecError(f"/execution/{pointer}", message),)


@pytest.mark.parametrize(
    ("side", "sides"),
    [(None, ("long", "short")), ("both", ("long", "short")), ("long", ("long",)), ("short", ("short",))],
)
def test_the_side_says_which_rules_count(side: Any, sides: tuple[str, ...]) -> None:
    """No side means what the entries say, which is the same as both."""
    assert sides_of(Execution(side=side)) == sides


@pytest.mark.parametrize("side", [None, "long", "both"])
def test_a_side_the_strategy_trades_is_accepted(side: Any) -> None:
    """Both is fine for a strategy that only goes long."""
    check_execution(Execution(side=side, fee_bps=10, fee_fixed=1, lot_size=1), LONG)


def test_every_option_is_carried_out() -> None:
    """Nothing that the contract allows is refused for want of an engine that can do it."""
    options: dict[str, Any] = {
        "fill": "close", "slippage_bps": 9_999, "borrow_bps_per_year": 1e6, "stop_rule": "target_first",
        "close_at_end": True, "fee_bps": 10_000, "fee_fixed": 1e15,
    }  # fmt: skip
    check_execution(Execution(**options), LONG)
