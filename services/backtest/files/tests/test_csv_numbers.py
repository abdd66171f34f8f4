"""Numbers with all that people put around them."""

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.files.csv_numbers import DecimalMark, decimal_mark, read_numbers
from shared.contracts.errors import Invalid

POINT, COMMA = DecimalMark.POINT, DecimalMark.COMMA


def column(*cells: str) -> pa.StringArray:
    """Cells of a column."""
    return pa.array(cells, pa.string())


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1.5", "2"], POINT),
        (["1", "2"], POINT),
        (["1,5", "2"], COMMA),
        (["0,123"], COMMA),
        (["1,2345"], COMMA),
        (["1.234,500"], COMMA),
        (["1,234.5"], POINT),
        (["1,234,567"], POINT),
        (["12,34,567"], POINT),
        (["1,234", "0.5"], POINT),
        (["1,234", ".5"], POINT),
        (["1,234", "12,5"], COMMA),
        (["1,500", "1.25"], POINT),
    ],
)
def test_the_numbers_tell_the_mark(cells: list[str], mark: DecimalMark) -> None:
    """One that can be read in one way alone speaks for all, in whatever column it stands."""
    assert decimal_mark([column(*cells)]) is mark
    assert decimal_mark([column("7"), *(column(cell) for cell in cells)]) is mark


@pytest.mark.parametrize("cells", [["1,234"], ["1,234", "12,345", "7"], ["1,234", "1.234"]])
def test_what_can_be_read_two_ways_is_refused(cells: list[str]) -> None:
    """Nobody is told a thousandth of his prices."""
    with pytest.raises(Invalid, match="read two ways"):
        decimal_mark([column(*cells)])


@pytest.mark.parametrize(
    ("cell", "mark", "value"),
    [
        ("1,234.5", POINT, 1234.5),
        ("-1,234,567", POINT, -1234567.0),
        ("12,34,567", POINT, 1234567.0),
        ("1,23,45,678.90", POINT, 12345678.9),
        ("1.234,5", COMMA, 1234.5),
        ("1.234.567", COMMA, 1234567.0),
        ("12,5", COMMA, 12.5),
        ("1.234", COMMA, 1234.0),
        ("1 234.5", POINT, 1234.5),
        ("1\u00a0234,5", COMMA, 1234.5),
        ("1'234.5", POINT, 1234.5),
        ("$1,234.5", POINT, 1234.5),
        ("1.234,5 €", COMMA, 1234.5),
        ("12.5K", POINT, 12500.0),
        ("1.5 M", POINT, 1500000.0),
        ("2b", POINT, 2e9),
        ("1e3", POINT, 1000.0),
        ("1.2345678901234567e-7", POINT, 1.2345678901234567e-7),
        *((cell, POINT, math.nan) for cell in ("1,5", "12,34.5", "1,2345", "1 23", "1.2.3", "$", "K")),
        *((cell, POINT, math.nan) for cell in ("123,45,678", "12,345,67", "1,23,45", "1,23,4567")),
        *((cell, POINT, math.nan) for cell in ("1T", "", "-", "inf", "0x1", "1_0")),
        *((cell, COMMA, math.nan) for cell in ("1.5", "12.34,5", "1,2,3", "1.2345", "", "nan")),
    ],
)  # fmt: skip
def test_marks_are_taken_out_where_they_belong(cell: str, mark: DecimalMark, value: float) -> None:
    """Groups are of three digits; what is grouped otherwise is no number, and never another one."""
    values, bad = read_numbers(column(cell), mark)
    assert bad.tolist() == [math.isnan(value)]
    assert values.tolist() == pytest.approx([value], rel=0, abs=0, nan_ok=True)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_to_the_last_bit(value: float) -> None:
    """Also beside cells that are hard to read."""
    assert read_numbers(column(repr(value), "1,234", "x"), POINT)[0].tolist()[:2] == [value, 1234.0]
