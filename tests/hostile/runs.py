"""What becomes of a strategy that was accepted: it is run, and swept, and both say the same."""

import math
from dataclasses import replace
from datetime import UTC
from random import Random
from typing import Any

import msgspec
import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Ten
from services.backtest.core.execution import InvalidExecution
from services.backtest.core.language import CheckedSpec, InvalidParams
from services.backtest.core.report import render
from services.backtest.core.report.subject import Market, Subject
from services.backtest.core.report.tests.subjects import subject
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from services.backtest.core.sweep.grid import InvalidSpace
from services.backtest.core.sweep.run import Sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.documents import market
from services.backtest.core.sweep.tests.strategies import walk
from services.backtest.files.result_file import Curve
from services.backtest.result_json import curve_json, trades_of
from shared.contracts.values import EquityCurve, Execution, Trade
from tests.hostile.requests import execution, grid

BARS = 300
ROWS = 6


def scaled(bars: Bars, factor: float) -> Bars:
    """The bars with prices in another unit."""
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    return replace(bars, **prices)


MARKETS = (
    walk(BARS),
    market(1, BARS),
    walk(1),
    scaled(walk(BARS), 1e-306),
    scaled(walk(BARS), 1e304),
    scaled(walk(2), 5e-324),
)
"""A random walk, a coarse grid of prices with volumes of 0, and what is at the ends of what a dataset may hold."""


def tried(random: Random, spec: CheckedSpec, declared: dict[str, Any]) -> str:
    """Run and sweep a strategy, on any market and any terms; what became of it. Any other end is an error."""
    bars = random.choice((*MARKETS[:2], *MARKETS))
    terms = msgspec.convert(execution(random), Execution)
    try:
        result = run_backtest(spec, bars, None, terms)
    except InvalidExecution:
        return "refused"
    check(result, len(bars))
    if random.random() < 0.1:
        _shown(result, bars, terms)
    return "swept" if _swept(random, spec, declared, bars, terms) else "run"


def check(result: BacktestResult, bars: int) -> None:
    """Assert that a result can be stored and shown: every number is one, or is null."""
    assert len(result.equity) == len(result.drawdown) == len(result.position) == bars
    for column in (result.equity, result.drawdown, result.position):
        assert np.isfinite(column).all()
    assert (result.equity >= 0.0).all()
    for name, value in result.metrics.items():
        assert value is None or math.isfinite(value), name
    assert msgspec.json.decode(msgspec.json.encode(result.metrics)) == dict(result.metrics)
    for name in ("quantity", "entry_price", "exit_price", "pnl", "fees"):
        assert np.isfinite(getattr(result.trades, name)).all(), name
    assert not np.isinf(result.trades.return_).any()


def _shown(result: BacktestResult, bars: Bars, terms: Execution) -> None:
    """Put a result into every form that clients are given: JSON, and the report."""
    stored = Curve(result.time, result.equity, result.drawdown, result.position)
    points = msgspec.json.decode(curve_json(stored, np.arange(len(bars))), type=EquityCurve)
    trades = msgspec.json.decode(msgspec.json.encode(trades_of(result.trades)), type=list[Trade])
    assert (len(points.items), len(trades)) == (len(bars), len(result.trades))
    described = subject(metrics=dict(result.metrics), warnings=list(result.warnings))
    run = msgspec.structs.replace(
        described.backtest, run_identity=msgspec.structs.replace(described.backtest.run_identity, execution=terms)
    )
    market = Market("N", "S", "1d", UTC, bars.time, bars.close)
    curve = {name: getattr(result, name) for name in ("time", "equity", "drawdown")}
    page = render(Subject(backtest=run, spec={}, trades=result.trades, market=market, **curve))
    assert page.endswith(b"</html>")


def _swept(random: Random, spec: CheckedSpec, declared: dict[str, Any], bars: Bars, terms: Execution) -> bool:
    """Sweep some params; every row is its single run, to the bit. False for a grid that makes no space."""
    try:
        space = Space.read(spec, grid(random, declared), {"n": ROWS} if random.random() < 0.5 else None)
    except InvalidSpace:
        return False
    result = Sweep(bars, terms, space).run(0, min(space.stop, ROWS))
    for index in range(len(result)):
        row = _row(spec, bars, result.combinations.params(index), terms)
        assert result.valid[index] == (row is not None)
        np.testing.assert_array_equal(result.metrics[:, index], row or [math.nan] * len(Ten._fields))
    return True


def _row(spec: CheckedSpec, bars: Bars, params: dict[str, Any], terms: Execution) -> list[float] | None:
    try:
        result = run_backtest(spec, bars, params, terms)
    except InvalidParams:
        return None
    check(result, len(bars))
    values = [result.metrics[name] for name in Ten._fields]
    return [math.nan if value is None else float(value) for value in values]
