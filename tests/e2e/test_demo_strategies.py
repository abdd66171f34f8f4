"""The demo's strategies, in the engine itself."""

from collections.abc import Mapping

import msgspec
import numpy as np
import pytest

from deploy.demo.bars import SYMBOLS, demo_bars
from deploy.demo.seeding import EXECUTION, Template, templates
from services.backtest.core.bars import Bars
from services.backtest.core.language import check_spec
from services.backtest.core.run import run_backtest
from shared.contracts.values import Execution


@pytest.fixture(scope="module")
def markets() -> Mapping[str, Bars]:
    return {symbol: columns(symbol) for symbol in SYMBOLS}


def columns(symbol: str) -> Bars:
    days = demo_bars(symbol)
    prices = {name: np.array([getattr(day, name) for day in days], np.float64) for name in ("open", "high", "low")}
    return Bars(
        time=np.array([day.date for day in days], "datetime64[ns]").astype(np.int64),
        close=np.array([day.close for day in days]),
        volume=np.array([day.volume for day in days], np.float64),
        **prices,
    )


@pytest.mark.parametrize("template", templates(), ids=lambda template: template["name"])
def test_each_strategy_trades_on_each_symbol(template: Template, markets: Mapping[str, Bars]) -> None:
    """The parser takes it as it is, and with its default parameters it opens and closes positions everywhere."""
    spec = check_spec(template["spec"])
    for symbol, bars in markets.items():
        result = run_backtest(spec, bars, None, msgspec.convert(EXECUTION, Execution))
        trades = result.metrics["trades"]
        assert trades, symbol
        assert result.warnings == ()
        if len(bars) > 1000:
            assert trades > 10, f"{symbol}: too few trades to show anything"
