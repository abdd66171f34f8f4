"""A table as CSV, an Arrow stream or Parquet, made in pieces: whatever its length, it takes the memory of one piece.

A number in CSV is the shortest text that reads back as the same float64, a time is RFC 3339 in UTC. Text in the tables
must be the code's own words: what a user wrote could be a formula to a spreadsheet.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from services.backtest.core.engine.dtypes import Ints
from shared.contracts.messages import TableForm

ROWS = 65_536
"""The rows of one piece, which are a batch of the Arrow stream and a row group of the Parquet file."""
SECOND = 10**9
LAST = 2**31 - 1
"""A place behind the end of any text."""

EXACT: "pa.DataType" = pa.timestamp("ns", "UTC")
WHOLE: "pa.DataType" = pa.timestamp("s", "UTC")


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch, /) -> None: ...


def pieces(schema: "pa.Schema", batches: Iterable["pa.RecordBatch"], form: TableForm) -> Iterator[bytes]:
    """Yield the file, to be joined as it comes. Each batch of `schema` becomes a piece, and must be of ROWS at most."""
    sink = _Sink()
    with _writer(sink, schema, form) as writer:
        for batch in batches:
            writer.write_batch(_spelled(batch) if form == "csv" else batch)
            yield sink.drained()
    yield sink.drained()


def parts(rows: int) -> Iterator[slice]:
    """Cut a table of `rows` into parts that may be a piece each."""
    return (slice(start, min(start + ROWS, rows)) for start in range(0, rows, ROWS))


def in_seconds(form: TableForm, *columns: Ints) -> bool:
    """Say whether these nanoseconds since 1970 UTC are to be written in seconds: in CSV, when all are whole ones.

    In Arrow and Parquet they are not, so that the tables of all runs and datasets have one schema.
    """
    return form == "csv" and all(not (column[part] % SECOND).any() for column in columns for part in parts(len(column)))


def times(nanoseconds: Ints, *, seconds: bool) -> "pa.Array[Any]":
    """Return times as a column, in seconds or in nanoseconds."""
    return pa.array(nanoseconds // SECOND, WHOLE) if seconds else pa.array(nanoseconds, EXACT)


def _writer(sink: "_Sink", schema: "pa.Schema", form: TableForm) -> AbstractContextManager[_Writer]:
    file: Any = sink  # which the stubs want to be an IO, with all that one can do
    writer: object
    match form:
        case "csv":
            plain: Any = {"quoting_header": "none"}  # not in the stubs
            options = pa.csv.WriteOptions(quoting_style="none", batch_size=ROWS, **plain)
            writer = pa.csv.CSVWriter(file, _spelled_schema(schema), write_options=options)
        case "arrow":
            writer = pa.ipc.new_stream(file, schema)
        case "parquet":
            writer = pa.parquet.ParquetWriter(file, schema, compression="zstd")
    return cast("AbstractContextManager[_Writer]", writer)


def _spelled_schema(schema: "pa.Schema") -> "pa.Schema":
    return pa.schema([field.with_type(pa.string()) if pa.types.is_timestamp(field.type) else field for field in schema])


def _spelled(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    columns = [_rfc3339(column) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
    return pa.record_batch(columns, schema=_spelled_schema(batch.schema))


def _rfc3339(column: "pa.Array[Any]") -> "pa.Array[Any]":
    """Times as text. Their zone is taken off first: with it they take thrice as long."""
    plain = column.cast(pa.int64()).cast(pa.timestamp(column.type.unit)).cast(pa.string())
    spelled = pc.binary_replace_slice(pc.binary_replace_slice(plain, 10, 11, "T"), LAST, LAST, "Z")
    return cast("pa.Array[Any]", spelled)


class _Sink(io.RawIOBase):
    """Where a writer writes: keeps what came since it was last drained."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._before = 0

    def writable(self) -> bool:
        return True

    def write(self, part: object) -> int:
        # The writer's buffer is its own and used again.
        self._parts.append(bytes(cast("bytes", part)))
        self._before += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._before

    def close(self) -> None:
        """Stay open: a writer closes its file before the last of it has been drained."""

    def drained(self) -> bytes:
        """Return what was written since the last call."""
        piece = b"".join(self._parts)
        self._parts.clear()
        return piece
