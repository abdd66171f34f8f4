"""Columns of Parquet as numbers, whatever type they have."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.ingest.refusals import refused
from services.backtest.core.ingest.time_columns import Kind, kind_of
from services.backtest.files.csv_numbers import DecimalMark, are_empty, decimal_mark, read_numbers


def readable_as(field: "pa.Field[Any]") -> pa.DataType:
    """Return the type of a column's values, a dictionary's when it has one. Raises Invalid for a nested column."""
    kind: pa.DataType = field.type
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    if pa.types.is_nested(kind):
        raise refused(f"has the column {field.name[:40]} of type {str(kind)[:40]}; store one plain value a row")
    return kind


def plain(cells: "pa.Array[Any]") -> "pa.Array[Any]":
    """Return the values themselves of a column, or of the dictionary it refers to."""
    if isinstance(cells, pa.DictionaryArray):
        return cells.dictionary_decode()
    return cells


def is_text(kind: pa.DataType) -> bool:
    """Say whether values of this type are texts, or bytes that may be."""
    return any(
        check(kind)
        for check in (
            pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
            pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view,
        )
    )  # fmt: skip


def texts(cells: "pa.Array[Any]") -> pa.StringArray:
    """Return texts without the spaces around them, and none as the empty one. Raises ArrowInvalid for other bytes."""
    strings = cast("pa.StringArray", plain(cells).cast(pa.string()).fill_null(""))
    return pc.utf8_trim_whitespace(strings)


def kind_of_column(cells: "pa.Array[Any]") -> Kind:
    """Say what a column that may hold the time does, by its first value, which may be that of a date at midnight."""
    first = texts(cells.slice(0, 1))
    return kind_of(first[0].as_py() if len(first) else "")


class NumberReader:
    """Reads one column of numbers: of any width, exact decimals, or written as text."""

    def __init__(self, field: "pa.Field[Any]", name: str) -> None:
        """Raises Invalid when its values are no numbers."""
        self.column = field.name
        self._mark: DecimalMark | None = None
        kind = readable_as(field)
        self._read: Callable[[pa.Array[Any]], tuple[Floats, Flags]] = self._read_texts
        if any(check(kind) for check in (pa.types.is_integer, pa.types.is_floating, pa.types.is_null)):
            self._read = _read_plain
        elif pa.types.is_decimal(kind):
            self._read = _read_decimals
        elif not is_text(kind):
            raise refused(f"has a column {field.name[:40]} of type {str(kind)[:40]}; the {name} must be a number")

    def read(self, cells: "pa.Array[Any]") -> tuple[Floats, Flags]:
        """Return the numbers of a batch, NaN where there is none, and where that is."""
        return self._read(cells)

    def empty(self, cells: "pa.Array[Any]", bad: Flags) -> Flags:
        """Say which cells, some of the `bad` ones, hold nothing: none, NaN, or a word for it where they are texts."""
        values = plain(cells)
        if is_text(values.type):
            return bad & are_empty(texts(values))
        empty: Flags = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
        return bad & empty

    def _read_texts(self, cells: "pa.Array[Any]") -> tuple[Floats, Flags]:
        strings = texts(cells)
        if self._mark is None and len(strings):
            self._mark = decimal_mark([strings])
        return read_numbers(strings, self._mark or DecimalMark.POINT)


def _read_decimals(cells: "pa.Array[Any]") -> tuple[Floats, Flags]:
    # Arrow's own conversion multiplies by a rounded power of ten, and so misses the nearest float64 now and then.
    return _read_plain(plain(cells).cast(pa.string()))


def _read_plain(cells: "pa.Array[Any]") -> tuple[Floats, Flags]:
    # Whole numbers beyond 2**53 are rounded to the nearest float64, as those of a CSV file are.
    numbers = plain(cells).cast(pa.float64(), safe=False).fill_null(np.nan)
    values: Floats = numbers.to_numpy(zero_copy_only=False)
    bad = ~np.isfinite(values)
    return np.where(bad, np.nan, values), bad
