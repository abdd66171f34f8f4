"""Columns of numbers in Arrow IPC files: uncompressed and in one batch, so that reading is a memory map and no copy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from services.backtest.core.engine.dtypes import Floats, Ints
from shared.contracts.errors import Unavailable

_TIME = pa.timestamp("ns", "UTC")


def write_columns(path: Path, columns: Mapping[str, Floats | Ints], times: frozenset[str]) -> None:
    """Write columns of one length; those in `times` are int64 nanoseconds since 1970 UTC."""
    arrays = [pa.array(values, _TIME if name in times else None) for name, values in columns.items()]
    batch = pa.record_batch(arrays, names=list(columns))
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def read_columns(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns by name, times as int64 nanoseconds; read-only views of the mapped file.

    Raises Unavailable for a file that somebody has cut short or written over.
    """
    try:
        with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
            batch = reader.get_batch(0)
        return {name: _as_numpy(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    except (pa.ArrowException, OSError) as error:
        raise Unavailable("A file in the object store is damaged") from error


def _as_numpy(column: "pa.Array[Any]") -> NDArray[Any]:
    plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    return plain.to_numpy(zero_copy_only=True)
