"""Numbers as people and exports write them: which mark is the decimal one, which only groups the digits."""

from collections.abc import Sequence
from enum import Enum
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.ingest.refusals import refused
from services.backtest.files.csv_casts import converted, filled

NUMBER_HELP = "write it like 1234.5, or leave the row out"

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_CURRENCY = r"^([+-]?)[$€£]\s?|\s?[$€£]$"
_SCALED = r"^(?P<number>[+-]?[\d.]+)\s?(?P<letter>[KkMmBb])$"
_LETTERS, _SCALES = pa.array(["k", "m", "b"]), pa.array([1e3, 1e6, 1e9])
_SPACES = r" '\x{2019}\x{a0}\x{202f}"
# Lakhs and crores: the last group has three digits, those before it two.
_INDIAN = r"\d{1,2}(,\d{2})+,\d{3}"
_EMPTY = r"^(?i:nan|null|none|n/?a|-)?$"


class DecimalMark(Enum):
    """What stands before the decimals of a file's numbers, and what groups the digits before it."""

    POINT = "."
    COMMA = ","

    @property
    def grouped(self) -> str:
        """The pattern of a number whose digits are grouped by threes."""
        other = "," if self is DecimalMark.POINT else "."
        mark = "[.]" if self is DecimalMark.POINT else ","
        groups = "|".join(rf"([{mark_}]\d{{3}})+" for mark_ in (other, _SPACES))
        indian = f"|{_INDIAN}" if self is DecimalMark.POINT else ""
        return rf"^[+-]?(\d{{1,3}}({groups}){indian})({mark}\d*)?$"

    @property
    def groups(self) -> str:
        """The pattern of what groups the digits."""
        return f"[{',' if self is DecimalMark.POINT else '.'}{_SPACES}]"


# What only one of the two readings explains. A comma before exactly three digits may be either.
_COMMA_IS_DECIMAL = r"^[^,]*,(\d{0,2}|\d{4,})$|^[+-]?0,\d|\.\d{3},\d+$"
_POINT_IS_DECIMAL = r",\d{2},\d{3}|,\d{3}(,|\.)|^[^.,]*\.(\d{0,2}|\d{4,})$|^[+-]?0?\.\d"


def decimal_mark(columns: Sequence[pa.StringArray]) -> DecimalMark:
    """Return the decimal mark of columns of numbers; without any comma it is the point.

    Raises Invalid when all their commas can be read both ways.
    """
    commas = [found for cells in columns if len(found := cells.filter(pc.match_substring(cells, ",")))]
    if not commas or _any_matches(columns, _POINT_IS_DECIMAL):
        return DecimalMark.POINT
    if _any_matches(commas, _COMMA_IS_DECIMAL):
        return DecimalMark.COMMA
    example = commas[0][0].as_py()[:40]
    raise refused(f"has numbers such as {example}, which can be read two ways; write 1234 or 1.234, without a comma")


def read_numbers(cells: pa.StringArray, mark: DecimalMark) -> tuple[Floats, Flags]:
    """Return the numbers, NaN where there is none, and where that is. Decimal text becomes the nearest float64.

    Digits may be grouped by threes, and a number may carry $, € or £, or end in K, M or B for thousands to billions.
    """
    if mark is DecimalMark.COMMA:
        values = _read_slowly(cells, mark)
    else:
        values = converted(cells, _NUMBER, pa.float64(), np.nan)
        unread = np.flatnonzero(~np.isfinite(values) & _not_empty(cells))
        if len(unread):
            values = values.copy()
            values[unread] = _read_slowly(cells.take(pa.array(unread, pa.int64())), mark)
    bad = ~np.isfinite(values)
    return np.where(bad, np.nan, values), bad


def are_empty(cells: pa.StringArray) -> Flags:
    """Say which cells hold nothing, or a word for it such as NaN, null or a dash."""
    return pc.match_substring_regex(cells, _EMPTY).to_numpy(zero_copy_only=False)


def _read_slowly(cells: pa.StringArray, mark: DecimalMark) -> Floats:
    text = pc.replace_substring_regex(cells, _CURRENCY, r"\1")
    is_grouped = pc.match_substring_regex(text, mark.grouped)
    if mark is DecimalMark.COMMA:
        # In what is not grouped a point means something else: 1.5 is not 15.
        text = pc.if_else(pc.and_(pc.match_substring(text, "."), pc.invert(is_grouped)), "", text)
    text = pc.if_else(is_grouped, pc.replace_substring_regex(text, mark.groups, ""), text)
    if mark is DecimalMark.COMMA:
        text = pc.replace_substring(text, ",", ".")
    parts = pc.extract_regex(text, _SCALED)
    is_scaled = pc.is_valid(parts)
    text = pc.if_else(is_scaled, pc.struct_field(parts, "number"), text)
    letters = pc.utf8_lower(pc.struct_field(parts, "letter"))
    scale = pc.if_else(is_scaled, pc.take(_SCALES, pc.index_in(letters, _LETTERS)), 1.0)
    numbers: Floats = converted(cast("pa.StringArray", text), _NUMBER, pa.float64(), np.nan) * filled(scale, 1.0)
    return numbers


def _not_empty(cells: pa.StringArray) -> Flags:
    return pc.not_equal(cells, pa.scalar("")).to_numpy(zero_copy_only=False)


def _any_matches(columns: Sequence[pa.StringArray], pattern: str) -> bool:
    return any(bool(pc.any(pc.match_substring_regex(cells, pattern)).as_py()) for cells in columns)
