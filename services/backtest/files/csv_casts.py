"""Columns of text as columns of numbers, a whole batch at once, with a mark in place of what does not convert."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def converted(cells: pa.StringArray, pattern: str, kind: pa.DataType, missing: float) -> NDArray[Any]:
    """Convert the cells; where some do not convert, those that do not match `pattern` are `missing`."""
    try:
        made = pc.cast(cells, kind)
    except pa.ArrowInvalid:
        matches = pc.match_substring_regex(cells, pattern)
        readable: pa.Array[Any] = pc.if_else(matches, cells, pa.scalar(None, pa.string()))
        made = pc.cast(readable, kind)
    return filled(made, missing)


def filled(values: "pa.Array[Any]", missing: float) -> NDArray[Any]:
    """As numpy, times as int64 in their own unit, `missing` in the place of nulls."""
    plain = values.cast(pa.int64()) if pa.types.is_timestamp(values.type) else values
    return plain.fill_null(missing).to_numpy(zero_copy_only=False)
