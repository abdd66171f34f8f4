"""What the trades were like."""

import numpy as np
import pytest

from services.backtest.core.engine.dtypes import Status
from services.backtest.core.metrics.trading import measure_trades
from services.backtest.core.result import Trades


def _trades(pnl: list[float], open_pnl: float | None = None) -> Trades:
    all_pnl = np.array([*pnl, *([] if open_pnl is None else [open_pnl])], np.float64)
    size = len(all_pnl)
    ones, codes = np.ones(size), np.ones(size, np.int64)
    status = np.full(size, Status.CLOSED, np.int64)
    status[len(pnl) :] = Status.OPEN
    return Trades(
        side=codes, quantity=ones, entry_time=codes, entry_price=ones, exit_time=codes, exit_price=ones, pnl=all_pnl,
        return_=all_pnl / 100, fees=ones, bars=np.arange(1, size + 1), exit_reason=codes, status=status,
    )  # fmt: skip


def test_closed_trades_are_measured() -> None:
    """Shares, sums and means over what has ended; the open trade, however large, counts in none of them."""
    assert measure_trades(_trades([30.0, -10.0, 0.0, 20.0], open_pnl=1e9)) == {
        "trades": 4,
        "win_rate": 0.5,
        "profit_factor": 5.0,
        "expectancy": 10.0,
        "best_trade": 0.3,
        "worst_trade": -0.1,
        "avg_trade": pytest.approx(0.1),
        "avg_bars_held": 2.5,
        "sqn": pytest.approx(2 * 10 / np.std([30, -10, 0, 20], ddof=1)),
    }


@pytest.mark.parametrize("trades", [_trades([]), _trades([], open_pnl=5.0)])
def test_without_a_closed_trade_nothing_is_defined(trades: Trades) -> None:
    """Their number is 0, and all the rest is None."""
    measured = measure_trades(trades)
    assert measured.pop("trades") == 0
    assert set(measured.values()) == {None}


def test_what_one_sort_of_trade_leaves_undefined_is_none() -> None:
    """Without a loser there is no profit factor, without a difference no quality number."""
    measured = measure_trades(_trades([5.0, 5.0]))
    assert (measured["profit_factor"], measured["sqn"]) == (None, None)
    assert measure_trades(_trades([-5.0]))["profit_factor"] == 0.0
