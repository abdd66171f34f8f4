"""The engine against other engines, on real bars."""

import hashlib
from typing import Any

import numpy as np
import pytest

from services.backtest.core.result import Trade
from services.backtest.core.tests.reference import RUNS, bars, run, spec

CLOSES = {
    "AAPL_adj": "8092be8d259c8bec1f2a415a86d0527aa59ce8f28f095dd1b72fa2e150408b3d",
    "EURUSD_1H_ASK_2017": "818bcef5915c3360c145e62fce5011d3689ce6ebb1bdcfcc4339db6d66acd3b0",
}
MEASURED = (
    "final_value", "total_return", "max_drawdown", "win_rate", "sqn", "bars_per_year",
    "volatility", "sharpe", "sortino", "max_drawdown_bars",
)  # fmt: skip


def _id(reference: dict[str, Any]) -> str:
    return f"{reference['data']}-{reference['strategy']}-{reference['side']}-{reference['fee_bps']:g}bps"


def _seconds(moment: str) -> int:
    return int(np.datetime64(moment, "ns").astype(np.int64))


@pytest.mark.parametrize("name", CLOSES)
def test_the_bars_are_the_ones_the_references_ran_on(name: str) -> None:
    """The closes have the SHA-256 that the references were computed with."""
    assert hashlib.sha256(bars(name).close.astype("<f8").tobytes()).hexdigest() == CLOSES[name]


@pytest.mark.parametrize("reference", RUNS, ids=_id)
def test_a_run_agrees_with_the_reference(reference: dict[str, Any]) -> None:
    """Trade counts are equal; money, metrics, and the first and last closed trade agree to 1e-9."""
    result = run(reference["strategy"], reference["data"], side=reference["side"], fee_bps=reference["fee_bps"])
    closed = reference["closed"]
    assert result.metrics["trades"] == closed
    assert len(result.trades) - closed == reference["open"]
    for metric in MEASURED:
        if metric in reference:
            assert _near(result.metrics[metric], reference[metric]), metric
    if closed:
        _assert_trade(result.trades[0], reference["first_trade"])
        _assert_trade(result.trades[closed - 1], reference["last_trade"])
    assert result.ruined == (reference["final_value"] == 0.0)


def _near(ours: float | None, theirs: float | None) -> bool:
    return ours is theirs is None or ours == pytest.approx(theirs, rel=1e-9)


def _assert_trade(trade: Trade, expected: list[Any]) -> None:
    side, units, entry, exit_, entry_price, exit_price, pnl = expected
    assert (trade.side, trade.quantity) == (side, units)
    assert (trade.entry_time, trade.exit_time) == (_seconds(entry), _seconds(exit_))
    assert (trade.entry_price, trade.exit_price) == pytest.approx((entry_price, exit_price), rel=1e-9)
    assert trade.pnl == pytest.approx(pnl, rel=1e-9)


@pytest.mark.parametrize("reference", RUNS[::4], ids=_id)
def test_the_first_decision_is_where_the_references_take_it(reference: dict[str, Any]) -> None:
    """The inferred warm-up is the reference's first bar of decision.

    The references count a channel lagged by one bar as an indicator of its own, and wait one bar more for it.
    """
    ours = spec(reference["strategy"]).warmup_bars
    assert ours == reference["first_decision_bar"] - (reference["strategy"] == "donchian_20_10")


def test_the_walking_example() -> None:
    """SMA 10/20 on AAPL, long only, free of costs: 85 closed trades, and 10,000 become 148,240.56."""
    result = run("sma_10_20", side="long")
    assert result.metrics["trades"] == 85
    assert result.metrics["final_value"] == pytest.approx(148_240.55951952402, rel=1e-9)
