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
    """Means over what has ended; the open trade, however large, counts in none of them."""
    pnl = [30.0, -10.0, 0.0, 20.0]
    assert measure_trades(_trades(pnl, open_pnl=1e9)) == {
        "expectancy": 10.0,
        "expectancy_pct": pytest.approx(0.5 * 0.25 + 0.5 * (-0.10 + 0.0) / 2),
        "payoff": pytest.approx(25.0 / 10.0),
        "best_trade": 0.3,
        "worst_trade": -0.1,
        "avg_trade": pytest.approx(0.1),
        "avg_bars_held": 2.5,
        "sqn": pytest.approx(2 * 10 / np.std(pnl, ddof=1)),
    }


@pytest.mark.parametrize("trades", [_trades([]), _trades([], open_pnl=5.0)])
def test_without_a_closed_trade_nothing_is_defined(trades: Trades) -> None:
    """All is None."""
    assert set(measure_trades(trades).values()) == {None}


@pytest.mark.parametrize("pnl", [[5.0, 5.0], [-5.0], [0.0, -5.0], [0.0]])
def test_what_one_sort_of_trade_leaves_undefined_is_none(pnl: list[float]) -> None:
    """Without a winner and a loser there is no payoff, without a difference no quality number."""
    measured = measure_trades(_trades(pnl))
    assert measured["payoff"] is None
    assert (measured["sqn"] is None) == (len(set(pnl)) == 1)
