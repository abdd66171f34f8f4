"""Results as the JSON that clients read, made a piece at a time: a thread that encodes all at once stops all others."""

import math

import msgspec

from services.backtest.core.downsample import downsample
from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.moments import moments
from services.backtest.core.result import Trades
from services.backtest.files.result_file import Curve
from shared.contracts.values import EquityPoint, Trade

MAX_POINTS = 200_000
"""More points, asked for or not, would not be there in the time that a read has."""
PIECE = 10_000


def chosen(equity: Floats, points: int | None) -> Ints:
    """Return the indices of the bars to tell of: `points` of them at most and MAX_POINTS in any case."""
    return downsample(equity, min(points or MAX_POINTS, MAX_POINTS))


def curve_json(curve: Curve, indices: Ints) -> bytes:
    """Return the JSON of an EquityCurve: the points of `curve` at `indices`."""
    pieces = (
        msgspec.json.encode(_points(curve, indices[start : start + PIECE]))[1:-1]
        for start in range(0, len(indices), PIECE)
    )
    return b'{"items":[' + b",".join(pieces) + b"]}"


def trades_of(trades: Trades) -> list[Trade]:
    """Return trades as values. An open one has the last bar's time and close for its exit."""
    entries, exits = moments(trades.entry_time), moments(trades.exit_time)
    return [
        Trade(
            side="long" if trade.side == "long" else "short",
            quantity=trade.quantity,
            entry_time=entry,
            entry_price=trade.entry_price,
            exit_time=exit_,
            exit_price=trade.exit_price,
            pnl=trade.pnl,
            return_=trade.return_ if math.isfinite(trade.return_) else None,
            fees=trade.fees,
            bars=trade.bars,
            exit_reason=trade.exit_reason,
            status="open" if trade.status == "open" else "closed",
        )
        for trade, entry, exit_ in zip(trades, entries, exits, strict=True)
    ]


def _points(curve: Curve, indices: Ints) -> list[EquityPoint]:
    times = moments(curve.time[indices])
    values = (column[indices].tolist() for column in (curve.equity, curve.drawdown, curve.position))
    return [
        EquityPoint(time=time, equity=equity, drawdown=drawdown, position=position)
        for time, equity, drawdown, position in zip(times, *values, strict=True)
    ]
