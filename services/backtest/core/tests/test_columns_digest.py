"""One name for a table of columns."""

import hashlib
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.columns_digest import ColumnsDigest

COLUMNS = {
    "n": np.array([1, 2, 3], np.int64),
    "name": np.array(["a", "bc", "ü"]),
    "flag": np.array([True, False, True]),
    "value": np.array([0.5, np.nan, -1.0]),
}


def digest_of(*parts: slice) -> str:
    digest = ColumnsDigest()
    for part in parts:
        digest.update({name: column[part] for name, column in COLUMNS.items()})
    return digest.hexdigest()


def test_it_is_what_its_description_says() -> None:
    """Worked out by hand: numbers little-endian, flags a byte, texts with a zero byte behind."""
    bodies = [
        struct.pack("<3q", 1, 2, 3),
        "a\0bc\0ü\0".encode(),
        bytes([1, 0, 1]),
        struct.pack("<3d", 0.5, float("nan"), -1.0),
    ]
    expected = hashlib.sha256(b"".join(hashlib.sha256(body).digest() for body in bodies)).hexdigest()
    assert digest_of(slice(None)) == expected


@given(st.integers(0, 3), st.integers(0, 3))
def test_it_does_not_matter_how_rows_are_cut(first: int, second: int) -> None:
    """A sweep has one digest, whatever its slices."""
    first, second = sorted((first, second))
    assert digest_of(slice(0, first), slice(first, second), slice(second, 3)) == digest_of(slice(None))


def test_a_value_in_another_place_is_another_table() -> None:
    """Each number and each column counts."""
    swapped = ColumnsDigest()
    swapped.update({**COLUMNS, "n": COLUMNS["n"][::-1]})
    assert swapped.hexdigest() != digest_of(slice(None))
