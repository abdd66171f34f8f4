"""A sweep's combinations as a file: one row each in the order of the space, in batches of ROWS but for the last.

Its columns are the params that vary, by name, as `params.<name>`; the ten metrics, float64, NaN where one is not
defined; and `valid`. That is their order, and it is that of the digest. What a slice leaves is of the same form, in one
batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.backtest.core.columns_digest import ColumnsDigest
from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.ranking import Rank, best_rows
from services.backtest.core.sweep.result import LOWER_IS_BETTER
from services.backtest.files.table_pieces import ROWS
from shared.contracts.sweep_values import SweepMetric, SweepRow
from shared.contracts.values import ParamValue

METRICS: tuple[str, ...] = get_args(SweepMetric)
PARAMS = "params."
VALID = "valid"

Columns = Mapping[str, NDArray[Any]]


def write_slice(path: Path, parts: Sequence[Columns]) -> int:
    """Write the rows of a slice, given in parts of one form; return how many there are."""
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    batch = pa.record_batch({name: pa.array(_one_nan(values)) for name, values in columns.items()})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    return batch.num_rows


class SweepWriter:
    """Writes the file from those of the slices, in order, with no more in memory than a few batches."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = ColumnsDigest()
        self._kept: list[pa.RecordBatch] = []
        self._kept_rows = 0
        self._file: Any = None
        self._writer: Any = None
        self.rows = 0
        self.invalid = 0

    def __enter__(self) -> "SweepWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None:
            return
        if kind is None and self._kept_rows:
            self._writer.write_batch(self._merged())
        self._writer.close()
        self._file.close()

    def add(self, path: Path) -> None:
        """Add the rows of a slice."""
        with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
            batch = reader.get_batch(0)
        if self._writer is None:
            self._file = pa.OSFile(str(self._path), "wb")
            self._writer = pa.ipc.new_file(self._file, batch.schema)
        columns = _numpy(batch)
        self._digest.update(columns)
        self.rows += batch.num_rows
        self.invalid += int(np.count_nonzero(~columns[VALID]))
        self._kept.append(batch)
        self._kept_rows += batch.num_rows
        while self._kept_rows >= ROWS:
            merged = self._merged()
            self._writer.write_batch(merged.slice(0, ROWS))
            self._kept, self._kept_rows = [merged.slice(ROWS)], self._kept_rows - ROWS

    def digest(self) -> str:
        """Return the digest of the rows so far; see ColumnsDigest."""
        return self._digest.hexdigest()

    def _merged(self) -> "pa.RecordBatch":
        merged: pa.RecordBatch = pa.concat_batches(self._kept)  # type: ignore[attr-defined]  # not in the stubs
        return merged


class SweepTable:
    """The file, mapped into memory: what is not asked for is not read."""

    def __init__(self, path: Path) -> None:
        with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
            self._batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
            self.schema = reader.schema

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self._batches)

    def batches(self) -> Iterator["pa.RecordBatch"]:
        """The rows in order."""
        return iter(self._batches)

    def best(self, metric: str, most: int, after: Rank | None = None) -> list[Rank]:
        """Return the best rows by a metric, the best first: its highest values, the lowest of a volatility."""
        column: list[Floats] = [batch.column(metric).to_numpy() for batch in self._batches]
        return best_rows(column, most, rising=metric in LOWER_IS_BETTER, after=after)

    def rows(self, numbers: Iterable[int]) -> list[SweepRow]:
        """Return the rows of these numbers."""
        return [self._row(number) for number in numbers]

    def _row(self, number: int) -> SweepRow:
        batch, place = self._batches[number // ROWS], number % ROWS
        values = {name: column[place].as_py() for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        params: dict[str, ParamValue] = {
            name.removeprefix(PARAMS): value for name, value in values.items() if name.startswith(PARAMS)
        }
        metrics = {name: _defined(name, values[name]) for name in METRICS}
        return SweepRow(number=number, params=params, metrics=metrics, valid=values[VALID])


def _defined(name: str, value: float) -> float | int | None:
    """A metric as JSON has it."""
    if value != value:  # noqa: PLR0124  # NaN alone
        return None
    return int(value) if name == "trades" else value


def _one_nan(values: NDArray[Any]) -> NDArray[Any]:
    """The same column with the same bits for each NaN, of which a processor has many."""
    return np.where(np.isnan(values), np.nan, values) if values.dtype.kind == "f" else values


def _numpy(batch: "pa.RecordBatch") -> Columns:
    return {
        name: column.to_numpy(zero_copy_only=False)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
