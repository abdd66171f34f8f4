"""A table of columns as one SHA-256 that anybody can work out again, made a part of the rows at a time."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ColumnsDigest:
    """The SHA-256 over the SHA-256 of each column, one after the other, so that it does not matter how rows are cut.

    A number is a little-endian float64 or int64, a flag one byte, 0 or 1; a text is its UTF-8 with a zero byte behind.
    """

    def __init__(self) -> None:
        self._columns: dict[str, Any] = {}

    def update(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add rows; the columns are the same, and in the same order, every time."""
        for name, values in columns.items():
            self._columns.setdefault(name, hashlib.sha256()).update(_bytes(values))

    def hexdigest(self) -> str:
        """Return the digest of the rows so far, 64 hexadecimal digits."""
        return hashlib.sha256(b"".join(column.digest() for column in self._columns.values())).hexdigest()


def _bytes(values: NDArray[Any]) -> bytes:
    if values.dtype.kind in "UO":
        return b"".join(text.encode() + b"\0" for text in values.tolist())
    return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
