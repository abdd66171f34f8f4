"""A run's result as files: the equity curve and the trades, each under the run and the lease that made it."""

from dataclasses import dataclass, fields
from pathlib import Path

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.result import BacktestResult, Trades
from services.backtest.files.arrow import read_columns, write_columns


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """An equity curve: columns of shape (bars,), `time` in nanoseconds since 1970 UTC. See BacktestResult."""

    time: Ints
    equity: Floats
    drawdown: Floats
    position: Floats


_CURVE = tuple(column.name for column in fields(Curve))
_TRADES = tuple(column.name for column in fields(Trades))


def result_key(backtest_id: str, lease: int) -> str:
    """Return where the files of a run are kept that the holder of this lease made, apart from those of any other."""
    return f"{results_of(backtest_id)}{lease}"


def results_of(backtest_id: str) -> str:
    """Return what the keys of all files begin with that were ever made for a run."""
    return f"results/{backtest_id}/"


def subject_of(key: str) -> str:
    """Return the id of the run that a result was made for; a later one may have taken it over."""
    return key.split("/")[1]


def curve_key(key: str) -> str:
    """Return the object key of the equity curve."""
    return f"{key}/equity.arrow"


def trades_key(key: str) -> str:
    """Return the object key of the trades."""
    return f"{key}/trades.arrow"


def write_curve(path: Path, result: BacktestResult) -> None:
    """Write the equity curve, one row a bar."""
    write_columns(path, {name: getattr(result, name) for name in _CURVE}, frozenset({"time"}))


def write_trades(path: Path, trades: Trades) -> None:
    """Write the trades in order of entry, their codes as numbers."""
    write_columns(path, {name: getattr(trades, name) for name in _TRADES}, frozenset({"entry_time", "exit_time"}))


def read_curve(path: Path) -> Curve:
    """Return the equity curve, mapped into memory."""
    return Curve(**read_columns(path))


def read_trades(path: Path, start: int = 0, stop: int | None = None) -> Trades:
    """Return the trades, mapped into memory, from number `start`, counted from 0, up to but without `stop`."""
    return Trades(**{name: column[start:stop] for name, column in read_columns(path).items()})
