"""Results as tables to take away."""

import csv
import io
import itertools
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.backtest.core.engine.dtypes import ExitReason, Floats, Ints
from services.backtest.core.result import Trades
from services.backtest.files import table_pieces
from services.backtest.files.arrow import write_columns
from services.backtest.files.result_file import write_trades
from services.backtest.files.result_tables import equity_pieces, trade_pieces
from services.backtest.result_json import trades_of
from shared.contracts.messages import TableForm

# Numbers that a shorter or rounded spelling would lose.
AWKWARD = np.array([0.1 + 0.2, 1e22, -1e-300, 123456789.123456789, 5e-324, 1.7976931348623157e308, -0.0, 2 / 3])


def curve_file(path: Path, time: Ints, equity: Floats) -> Path:
    """A curve as a run stores it."""
    columns: dict[str, Floats | Ints] = {"time": time, "equity": equity, "drawdown": -equity, "position": equity / 7}
    write_columns(path / "equity.arrow", columns, frozenset({"time"}))
    return path / "equity.arrow"


def seconds(rows: int) -> Ints:
    """Times a second apart."""
    return np.arange(rows, dtype=np.int64) * 10**9


def table_of(content: bytes, form: TableForm) -> dict[str, list[Any]]:
    """The columns of a file, read by another library where there is one; times as nanoseconds."""
    if form == "csv":
        rows = list(csv.reader(io.StringIO(content.decode())))
        return {name: list(column) for name, column in zip(rows[0], zip(*rows[1:], strict=True), strict=True)}
    table = pq.read_table(io.BytesIO(content)) if form == "parquet" else pa.ipc.open_stream(content).read_all()
    return {
        field.name: table.column(field.name).cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_pylist()
        if pa.types.is_timestamp(field.type)
        else table.column(field.name).to_pylist()
        for field in table.schema
    }


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
@pytest.mark.parametrize("rows", [0, 1, 5, 8])
def test_a_curve_is_whole_in_every_form(
    tmp_path: Path, form: TableForm, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every bar in order, every number bit for bit, from however many pieces."""
    monkeypatch.setattr(table_pieces, "ROWS", 3)
    equity, time = AWKWARD[:rows], seconds(rows) + 5
    content = b"".join(equity_pieces(curve_file(tmp_path, time, equity), form))
    if rows == 0 and form == "csv":
        assert content == b"time,equity,drawdown,position\n"
        return
    table = table_of(content, form)
    assert list(table) == ["time", "equity", "drawdown", "position"]
    if form == "csv":
        assert table["time"] == [f"1970-01-01T00:00:{second:02}.000000005Z" for second in range(rows)]
    else:
        assert table["time"] == time.tolist()
    for name, column in (("equity", equity), ("drawdown", -equity), ("position", equity / 7)):
        assert np.array(list(map(float, table[name]))).tobytes() == column.tobytes(), name


def test_times_in_csv_are_rfc_3339(tmp_path: Path) -> None:
    """Whole seconds where all are, before 1970 too; as Python's own parser reads them."""
    time = np.array([-1, 0, 951_868_800], np.int64) * 10**9
    table = table_of(b"".join(equity_pieces(curve_file(tmp_path, time, AWKWARD[:3]), "csv")), "csv")
    assert table["time"] == ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2000-03-01T00:00:00Z"]
    assert datetime.fromisoformat(table["time"][2]) == datetime(2000, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_tables_have_one_schema(tmp_path: Path, form: TableForm) -> None:
    """Whatever the times of a run, so that those of many runs make one table: nanoseconds in UTC, and float64."""
    schemas = []
    for time in (seconds(3), seconds(3) + 5):
        content = b"".join(equity_pieces(curve_file(tmp_path, time, AWKWARD[:3]), form))
        file = io.BytesIO(content)
        schemas.append(pa.ipc.open_stream(file).schema if form == "arrow" else pq.read_schema(file))
    assert schemas[0] == schemas[1]
    assert schemas[0].types == [pa.timestamp("ns", "UTC"), pa.float64(), pa.float64(), pa.float64()]


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
def test_fewer_points_are_those_of_the_json(tmp_path: Path, form: TableForm) -> None:
    """A downsampled file has the ends and the extremes, and no more points than asked for."""
    equity = np.sin(np.arange(1000.0)) * np.arange(1000.0)
    table = table_of(b"".join(equity_pieces(curve_file(tmp_path, seconds(1000), equity), form, 50)), form)
    values = list(map(float, table["equity"]))
    assert 40 < len(values) <= 50
    assert {equity[0], equity[-1], equity.min(), equity.max()} <= set(values)


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
def test_trades_have_the_fields_and_words_of_the_json(
    tmp_path: Path, form: TableForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sides, reasons and states by name, every reason there is."""
    monkeypatch.setattr(table_pieces, "ROWS", 3)
    reasons = np.array([reason.value for reason in ExitReason], np.int64)
    count = len(reasons)
    numbers = np.arange(1.0, count + 1) / 3
    trades = Trades(
        side=np.where(reasons % 2, 1, -1), quantity=numbers, entry_time=seconds(count), entry_price=numbers,
        exit_time=seconds(count) + 1, exit_price=numbers, pnl=-numbers, return_=numbers, fees=numbers, bars=reasons,
        exit_reason=reasons, status=np.minimum(reasons, 1),
    )  # fmt: skip
    write_trades(tmp_path / "trades.arrow", trades)
    table = table_of(b"".join(trade_pieces(tmp_path / "trades.arrow", form)), form)
    values = trades_of(trades)
    assert list(table) == [
        "side", "quantity", "entry_time", "entry_price", "exit_time", "exit_price", "pnl", "return", "fees", "bars",
        "exit_reason", "status",
    ]  # fmt: skip
    for name, attribute in (("side", "side"), ("exit_reason", "exit_reason"), ("status", "status")):
        assert table[name] == [getattr(trade, attribute) for trade in values]
    for name, attribute in (("pnl", "pnl"), ("return", "return_"), ("bars", "bars")):
        assert list(map(float, table[name])) == [getattr(trade, attribute) for trade in values]


def test_no_cell_of_a_csv_file_is_a_formula(tmp_path: Path) -> None:
    """Every cell is a number, a time, or one of our own words: nothing a user wrote, nothing a spreadsheet runs."""
    content = b"".join(equity_pieces(curve_file(tmp_path, seconds(8), AWKWARD), "csv")).decode()
    for cell in itertools.chain.from_iterable(csv.reader(io.StringIO(content))):
        assert cell[0] not in "=+@\t\r", cell
        assert cell[0] != "-" or float(cell) <= 0, cell


def test_a_long_table_takes_the_memory_of_a_piece(tmp_path: Path) -> None:
    """A million bars, and what is held at a time is what a piece holds: in Python, and in Arrow's own memory."""
    rows = 1_000_000
    path = curve_file(tmp_path, seconds(rows), np.random.default_rng(1).normal(size=rows) * 1e5)
    limit = 40_000_000
    for form in ("csv", "arrow", "parquet"):
        before, largest, total = pa.total_allocated_bytes(), 0, 0
        tracemalloc.start()
        for piece in equity_pieces(path, form):
            total += len(piece)
            largest = max(largest, pa.total_allocated_bytes() - before)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert total > 20_000_000
        assert peak + largest < limit, form
