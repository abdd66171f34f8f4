"""Which executions are carried out."""

from typing import Any

import pytest

from services.backtest.core.execution import InvalidExecution, check_execution, sides_of
from services.backtest.core.language import SpecError, check_spec
from shared.contracts.values import Execution

LONG = check_spec({"entry_long": "close > 1"})


@pytest.mark.parametrize(
    ("options", "pointer", "message"),
    [
        ({"fill": "close"}, "fill", 'not supported by engine version 1 yet; write "next_open"'),
        ({"slippage_bps": 1.0}, "slippage_bps", "not supported by engine version 1 yet; write 0.0"),
        ({"borrow_bps_per_year": 1.0}, "borrow_bps_per_year", "not supported by engine version 1 yet; write 0.0"),
        ({"stop_rule": "target_first"}, "stop_rule", 'not supported by engine version 1 yet; write "stop_first"'),
        ({"close_at_end": True}, "close_at_end", "not supported by engine version 1 yet; write false"),
        ({"side": "short"}, "side", "the strategy has no `entry_short`; write one, or another side"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(options: dict[str, Any], pointer: str, message: str) -> None:
    """Never ignored: an error with its pointer."""
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
