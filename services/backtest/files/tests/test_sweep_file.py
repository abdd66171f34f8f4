"""The file of a sweep's combinations, made of its slices."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from services.backtest.files import sweep_file
from services.backtest.files.sweep_file import METRICS, PARAMS, VALID, Columns, SweepTable, SweepWriter, write_slice


def columns(first: int, rows: int) -> Columns:
    """Rows of a sweep over one number and one text."""
    numbers = np.arange(first, first + rows, dtype=np.int64)
    metrics = {name: np.where(numbers % 7 == place, np.nan, numbers * 1.5) for place, name in enumerate(METRICS)}
    texts = np.array([f"t{number % 3}" for number in numbers], dtype="U4")
    return {f"{PARAMS}n": numbers, f"{PARAMS}t": texts, **metrics, VALID: numbers % 5 != 0}


def written(folder: Path, sizes: list[int]) -> tuple[SweepTable, SweepWriter]:
    """The file made of slices of these sizes."""
    folder.mkdir()
    first = 0
    with SweepWriter(folder / "sweep") as writer:
        for number, size in enumerate(sizes):
            assert write_slice(folder / f"slice {number}", [columns(first, size)]) == size
            writer.add(folder / f"slice {number}")
            first += size
    return SweepTable(folder / "sweep"), writer


@pytest.mark.parametrize("sizes", [[100], [0, 30, 0, 70], [10] * 10, [32, 32, 32, 4], [64, 36]])
def test_it_does_not_matter_how_it_is_sliced(tmp_path: Path, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows in batches of the same length, so that a row is found by its number; and the same digest."""
    monkeypatch.setattr(sweep_file, "ROWS", 32)
    whole, whole_writer = written(tmp_path / "whole", [100])
    table, writer = written(tmp_path / "sliced", sizes)
    assert [batch.num_rows for batch in table.batches()] == [32, 32, 32, 4]
    for one, other in zip(table.batches(), whole.batches(), strict=True):
        assert str(one.to_pylist()) == str(other.to_pylist())
    assert (len(table), writer.rows, writer.invalid) == (100, 100, 20)
    assert writer.digest() == whole_writer.digest()
    rows = table.rows([0, 31, 32, 99])
    assert [(row.number, row.params["n"], row.params["t"], row.valid) for row in rows] == [
        (0, 0, "t0", False),
        (31, 31, "t1", True),
        (32, 32, "t2", True),
        (99, 99, "t0", True),
    ]
    assert rows[1].metrics["trades"] == 46
    assert rows[0].metrics["final_value"] is None
    assert [rank.number for rank in table.best("volatility", 2)] == [0, 1]
    assert [rank.number for rank in table.best("trades", 2)] == [99, 98]


def test_parts_of_a_slice_are_one_batch_without_a_trace(tmp_path: Path) -> None:
    """The bytes are the same, in whatever parts it was computed and whichever NaN came out."""
    rows = columns(0, 50)
    other = {name: column.copy() for name, column in rows.items()}
    bits = other["sharpe"].view(np.uint64)
    bits[np.isnan(other["sharpe"])] = 0xFFF8_0000_0000_0001
    write_slice(tmp_path / "one", [rows])
    write_slice(
        tmp_path / "two",
        [{name: column[:20] for name, column in other.items()}, {name: column[20:] for name, column in other.items()}],
    )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with pa.ipc.open_file(str(tmp_path / "one")) as reader:
        assert reader.num_record_batches == 1
