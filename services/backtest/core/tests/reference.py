"""Reference runs on real bars: the bars, the strategies, and what other engines make of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.language import CheckedSpec, check_spec
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from shared.contracts.values import Execution

DATA = Path(__file__).parent / "data"
FILES = {"AAPL_adj": "aapl_daily_adjusted.npz", "EURUSD_1H_ASK_2017": "eurusd_hourly_ask_2017.npz"}


def _cross(fast: str, slow: str) -> dict[str, str]:
    """Crosses that are strict on both bars; short is long mirrored."""
    up = f"{fast} > {slow} and {fast}[1] < {slow}[1]"
    down = f"{fast} < {slow} and {fast}[1] > {slow}[1]"
    return {"entry_long": up, "exit_long": down, "entry_short": down, "exit_short": up}


STRATEGIES = {
    "sma_10_20": _cross("sma(close, 10)", "sma(close, 20)"),
    "sma_20_50": _cross("sma(close, 20)", "sma(close, 50)"),
    "ema_12_26": _cross("ema(close, 12)", "ema(close, 26)"),
    "macd_12_26_9": _cross("macd(close, 12, 26)", "macd_signal(close, 12, 26, 9)"),
    "rsi_14_30_70": {
        "entry_long": "rsi(close, 14) < 30",
        "exit_long": "rsi(close, 14) > 70",
        "entry_short": "rsi(close, 14) > 70",
        "exit_short": "rsi(close, 14) < 30",
    },
    "bollinger_20_2": {
        "entry_long": "close < bb_lower(close, 20, 2)",
        "exit_long": "close > bb_middle(close, 20)",
        "entry_short": "close > bb_upper(close, 20, 2)",
        "exit_short": "close < bb_middle(close, 20)",
    },
    "donchian_20_10": {
        "entry_long": "close > highest(high, 20)[1]",
        "exit_long": "close < lowest(low, 10)[1]",
        "entry_short": "close < lowest(low, 20)[1]",
        "exit_short": "close > highest(high, 10)[1]",
    },
    "buy_hold": {"entry_long": "close > 0"},
}

RUNS: list[dict[str, Any]] = json.loads((DATA / "reference_runs.json").read_text())


@cache
def bars(name: str) -> Bars:
    """The bars of one data set."""
    with np.load(DATA / FILES[name]) as columns:
        return Bars(**columns)


@cache
def spec(name: str) -> CheckedSpec:
    """One of the strategies, checked."""
    return check_spec(STRATEGIES[name])


def run(name: str, data: str = "AAPL_adj", **execution: object) -> BacktestResult:
    """A run with 10,000 in cash and whole units, as the references are."""
    options: dict[str, Any] = {"initial_cash": 10_000.0, "lot_size": 1.0, **execution}
    return run_backtest(spec(name), bars(data), None, Execution(**options))
