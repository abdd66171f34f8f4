"""A sweep's combinations as a table to take away, piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from services.backtest.files.sweep_file import METRICS, SweepTable
from services.backtest.files.table_pieces import pieces
from shared.contracts.messages import TableForm

NUMBER = "number"


def sweep_pieces(path: Path, form: TableForm) -> Iterator[bytes]:
    """Yield all rows in the order of the space: number, the params, the ten metrics, valid.

    What is not defined is null, in CSV nothing; the texts are those of choices, which are letters and digits.
    """
    table = SweepTable(path)
    empty = pa.RecordBatch.from_pylist([], schema=table.schema)
    return pieces(_shown(empty, 0).schema, _batches(table), form)


def _batches(table: SweepTable) -> Iterator["pa.RecordBatch"]:
    before = 0
    for batch in table.batches():
        yield _shown(batch, before)
        before += batch.num_rows


def _shown(batch: "pa.RecordBatch", before: int) -> "pa.RecordBatch":
    numbers: pa.Array[Any] = pa.array(np.arange(before, before + batch.num_rows, dtype=np.int64))
    columns = {NUMBER: numbers}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        columns[name] = _defined(name, column) if name in METRICS else column
    return pa.record_batch(columns)


def _defined(name: str, column: "pa.Array[Any]") -> "pa.Array[Any]":
    values = column.to_numpy()
    missing = np.isnan(values)
    shown: pa.Array[Any] = pa.array(values, mask=missing)
    return shown.cast(pa.int64()) if name == "trades" else shown
