"""A run's equity curve and trades as tables to take away, piece by piece."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from services.backtest.core.downsample import downsample
from services.backtest.core.engine.dtypes import ExitReason, Ints, Status
from services.backtest.files.result_file import read_curve, read_trades
from services.backtest.files.table_pieces import in_seconds, parts, pieces, times
from shared.contracts.messages import TableForm

_SIDES = {-1: "short", 1: "long"}
_REASONS = {reason.value: reason.name.lower() for reason in ExitReason}
_STATUSES = {status.value: status.name.lower() for status in Status}


def equity_pieces(path: Path, form: TableForm, points: int | None = None) -> Iterator[bytes]:
    """Yield the equity curve, one row a bar: time, equity, drawdown, position; of at most `points` of them if given."""
    curve = read_curve(path)
    chosen = None if points is None else downsample(curve.equity, points)
    seconds = in_seconds(form, curve.time)

    def batch(part: slice) -> "pa.RecordBatch":
        rows: slice | Ints = part if chosen is None else chosen[part]
        return pa.record_batch(
            {
                "time": times(curve.time[rows], seconds=seconds),
                "equity": pa.array(curve.equity[rows]),
                "drawdown": pa.array(curve.drawdown[rows]),
                "position": pa.array(curve.position[rows]),
            }
        )

    return _table(batch, len(curve.time) if chosen is None else len(chosen), form)


def trade_pieces(path: Path, form: TableForm) -> Iterator[bytes]:
    """Yield the trades in order of entry with the fields and words of the JSON; one still open is the last."""
    trades = read_trades(path)
    seconds = in_seconds(form, trades.entry_time, trades.exit_time)

    def batch(part: slice) -> "pa.RecordBatch":
        return pa.record_batch(
            {
                "side": _words(trades.side[part], _SIDES),
                "quantity": pa.array(trades.quantity[part]),
                "entry_time": times(trades.entry_time[part], seconds=seconds),
                "entry_price": pa.array(trades.entry_price[part]),
                "exit_time": times(trades.exit_time[part], seconds=seconds),
                "exit_price": pa.array(trades.exit_price[part]),
                "pnl": pa.array(trades.pnl[part]),
                "return": pa.array(trades.return_[part], from_pandas=True),
                "fees": pa.array(trades.fees[part]),
                "bars": pa.array(trades.bars[part]),
                "exit_reason": _words(trades.exit_reason[part], _REASONS),
                "status": _words(trades.status[part], _STATUSES),
            }
        )

    return _table(batch, len(trades), form)


def _table(batch: Callable[[slice], "pa.RecordBatch"], rows: int, form: TableForm) -> Iterator[bytes]:
    return pieces(batch(slice(0, 0)).schema, (batch(part) for part in parts(rows)), form)


def _words(codes: Ints, words: dict[int, str]) -> "pa.Array[Any]":
    least = min(words)
    named = [words.get(code) for code in range(least, max(words) + 1)]
    return pa.array(named, pa.string()).take(codes - least)
