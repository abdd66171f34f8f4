"""Reads columns of text as numbers and times, a whole batch at once, and says which cells are neither."""

import re
from dataclasses import dataclass
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.backtest.core.engine.dtypes import Flags, Floats, Ints
from services.backtest.core.ingest.interval import SECOND
from services.backtest.core.ingest.table import NO_TIME
from shared.contracts.errors import InputError, Invalid

TIME_HELP = "write 2024-01-31, 2024-01-31T15:30:00, the same with Z or +01:00, or Unix seconds or milliseconds"

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE = r"^-?\d{1,18}$"
# Unix times from November 1966 to March 1973 have fewer digits, but in a first row those are a spreadsheet's days.
_UNIX_TIME = r"^-?\d{9,18}$"
_EIGHT_DIGITS = r"^(\d{4})(\d{2})(\d{2})$"

# The dates that exist from 1700 to 2199: in months of 31 days, of 30, in February, and its 29th of leap years.
_YEAR = r"(1[7-9]|2[01])\d\d"
_LEAP_YEAR = r"((1[7-9]|2[01])(0[48]|[2468][048]|[13579][26])|2000)"
_DATE = (
    rf"({_YEAR}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_OFFSET = r"(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)"
_LOCAL = rf"^{_DATE}([ T]{_CLOCK})?$"
_ABSOLUTE = rf"^{_DATE}[ T]{_CLOCK}{_OFFSET}$"
_DATE_LENGTH = len("2000-03-01")

# 1700-01-01 and 2199-12-31T23:59:59 in Unix seconds; nanoseconds in 64 bits reach a little further on both sides.
_EARLIEST, _LATEST = -8_520_336_000, 7_258_118_399
# Larger numbers are milliseconds: those after March 1973 are, and no seconds up to 2199 are.
_SECONDS_BELOW = 100_000_000_000

Edge = Literal["earliest", "latest"]


def read_numbers(cells: pa.StringArray) -> tuple[Floats, Flags]:
    """Return the numbers, NaN where there is none, and where that is. Decimal text becomes the nearest float64."""
    values = _converted(cells, _NUMBER, pa.float64(), np.nan)
    bad = ~np.isfinite(values)
    return np.where(bad, np.nan, values), bad


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Nanoseconds since 1970 UTC, and NO_TIME where a cell is `bad` or its time `unclear` for the clocks changed."""

    values: Ints
    bad: Flags
    unclear: Flags


class TimeReader:
    """Reads a time column in the way of its first cell: Unix time, times with an offset, or times of `zone`."""

    def __init__(self, first: str, zone: ZoneInfo) -> None:
        self._zone = zone
        self._compact = re.match(_EIGHT_DIGITS, first) is not None
        self._unix = re.match(_UNIX_TIME, first) is not None
        self._per_second = 1 if self._unix and abs(int(first)) < _SECONDS_BELOW else 1000
        self._absolute = re.match(_ABSOLUTE, first) is not None

    def read(self, cells: pa.StringArray) -> Times:
        """Return the times of one batch."""
        if self._unix:
            return self._unix_times(cells)
        if self._absolute:
            return _within_reach(_converted(cells, _ABSOLUTE, pa.timestamp("ns", "UTC"), NO_TIME))
        if self._compact:
            cells = pc.replace_substring_regex(cells, _EIGHT_DIGITS, r"\1-\2-\3")
        times = _within_reach(_converted(cells, _LOCAL, pa.timestamp("ns"), NO_TIME))
        return times if self._zone.key == "UTC" else self._zoned(cells, times)

    def _unix_times(self, cells: pa.StringArray) -> Times:
        values = _converted(cells, _WHOLE, pa.int64(), NO_TIME)
        reached = (values >= _EARLIEST * self._per_second) & (values <= _LATEST * self._per_second)
        return _within_reach(np.where(reached, np.where(reached, values, 0) * (SECOND // self._per_second), NO_TIME))

    def _zoned(self, cells: pa.StringArray, local: Times) -> Times:
        """A day that begins in a skipped hour begins when the clocks go on; one that begins twice, the first time."""
        clock = _clock(local.values, local.bad)
        usual = _in_zone(clock, self._zone, ambiguous="earliest", nonexistent="latest")
        other = _in_zone(clock, self._zone, ambiguous="latest", nonexistent="earliest")
        has_clock = pc.utf8_length(cells).to_numpy(zero_copy_only=False) > _DATE_LENGTH
        unclear = ~local.bad & has_clock & (usual != other)
        return Times(np.where(unclear, NO_TIME, usual), local.bad, unclear)


def known_zone(name: str) -> ZoneInfo:
    """Return the time zone of that name. Raises Invalid when there is none."""
    try:
        zone = ZoneInfo(name)
        _in_zone(_clock(np.zeros(1, np.int64), None), zone, ambiguous="earliest", nonexistent="latest")
    except (KeyError, ValueError, OSError) as error:
        message = f"{name} is no time zone; write a name such as UTC, Europe/Berlin or America/New_York"
        raise Invalid(f"The time zone {message}", errors=(InputError("/timezone", message),)) from error
    return zone


def _within_reach(values: Ints) -> Times:
    bad = (values < _EARLIEST * SECOND) | (values >= (_LATEST + 1) * SECOND)
    return Times(np.where(bad, NO_TIME, values), bad, np.zeros(len(values), np.bool_))


def _in_zone(clock: pa.TimestampArray, zone: ZoneInfo, *, ambiguous: Edge, nonexistent: Edge) -> Ints:
    return _filled(pc.assume_timezone(clock, zone.key, ambiguous=ambiguous, nonexistent=nonexistent), NO_TIME)


def _clock(values: Ints, missing: Flags | None) -> pa.TimestampArray:
    return cast("pa.TimestampArray", pa.array(values, pa.timestamp("ns"), mask=missing))


def _converted(cells: pa.StringArray, pattern: str, kind: pa.DataType, missing: float) -> NDArray[Any]:
    """Convert the cells; where some do not convert, those that do not match `pattern` are `missing`."""
    try:
        converted = pc.cast(cells, kind)
    except pa.ArrowInvalid:
        matches = pc.match_substring_regex(cells, pattern)
        readable: pa.Array[Any] = pc.if_else(matches, cells, pa.scalar(None, pa.string()))
        converted = pc.cast(readable, kind)
    return _filled(converted, missing)


def _filled(values: "pa.Array[Any]", missing: float) -> NDArray[Any]:
    """As numpy, times as int64 nanoseconds, `missing` in the place of nulls."""
    plain = values.cast(pa.int64()) if pa.types.is_timestamp(values.type) else values
    return plain.fill_null(missing).to_numpy(zero_copy_only=False)
