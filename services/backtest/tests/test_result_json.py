"""Results as JSON."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from services.backtest import result_json
from services.backtest.core.result import Trades
from services.backtest.files.result_file import Curve
from services.backtest.result_json import MAX_POINTS, chosen, curve_json, trades_of
from shared.contracts.values import EquityCurve


@pytest.mark.parametrize("count", [0, 1, 3, 4, 10])
def test_a_curve_made_in_pieces_is_one_document(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its length, it decodes to its own points, numbers bit for bit."""
    monkeypatch.setattr(result_json, "PIECE", 3)
    numbers = np.arange(10) / 3
    curve = Curve(np.arange(10) * 1_500_000_000, numbers, -numbers, numbers * 7)
    points = msgspec.json.decode(curve_json(curve, np.arange(count)), type=EquityCurve).items
    assert [(point.equity, point.drawdown, point.position) for point in points] == [
        (value, -value, value * 7) for value in numbers[:count].tolist()
    ]
    assert [point.time.timestamp() for point in points] == [1.5 * n for n in range(count)]


@pytest.mark.parametrize("points", [None, MAX_POINTS + 2, 1_000_000])
def test_no_curve_is_too_long_to_be_answered(points: int | None) -> None:
    """A year of minutes is told by its extremes; a curve of MAX_POINTS bars, whole, if no fewer are asked for."""
    equity = np.random.default_rng(0).normal(size=525_600)
    indices = chosen(equity, points)
    assert MAX_POINTS // 2 <= len(indices) <= MAX_POINTS
    assert {0, int(equity.argmax()), int(equity.argmin()), len(equity) - 1} <= set(indices.tolist())
    assert len(chosen(equity[:MAX_POINTS], points)) == MAX_POINTS


def test_the_fields_are_those_of_the_contract() -> None:
    """Times in RFC 3339 with Z, and the return under its own name."""
    curve = Curve(np.array([1_500_000_000]), np.array([100.0]), np.array([-0.5]), np.array([2.0]))
    assert curve_json(curve, np.array([0])) == (
        b'{"items":[{"time":"1970-01-01T00:00:01.500000Z","equity":100.0,"drawdown":-0.5,"position":2.0}]}'
    )
    one = np.ones(1)
    trades = Trades(
        side=np.array([-1]),
        quantity=2 * one,
        entry_time=np.array([0]),
        entry_price=one,
        exit_time=np.array([10**9]),
        exit_price=one,
        pnl=one,
        return_=0.25 * one,
        fees=0 * one,
        bars=np.array([3]),
        exit_reason=np.array([0]),
        status=np.array([0]),
    )
    assert msgspec.to_builtins(trades_of(trades)) == [
        {
            "side": "short",
            "quantity": 2.0,
            "entry_time": "1970-01-01T00:00:00Z",
            "entry_price": 1.0,
            "exit_time": "1970-01-01T00:00:01Z",
            "exit_price": 1.0,
            "pnl": 1.0,
            "return": 0.25,
            "fees": 0.0,
            "bars": 3,
            "exit_reason": "open",
            "status": "open",
        }
    ]
    (none,) = msgspec.to_builtins(trades_of(replace(trades, return_=np.nan * one)))
    assert none["return"] is None
