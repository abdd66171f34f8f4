"""Reads columns of written times in the way of their first cell, a whole batch at once."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.civil import out_of_reach, unix_moments, unix_unit, within_reach
from services.backtest.core.ingest.table import NO_TIME
from services.backtest.files.csv_casts import converted
from services.backtest.files.csv_dates import DayOrder, WrittenForm, day_order, form_of
from shared.contracts.errors import InputError, Invalid

TIME_HELP = "write 2024-01-31, 2024-01-31T15:30:00, the same with Z or +01:00, or a Unix time"

_WHOLE = r"^-?(\d{1,18}|[1-8]\d{18})$"
# Unix times from November 1966 to March 1973 have fewer digits, but in a first row those are a spreadsheet's days.
_UNIX = re.compile(r"-?\d{9,19}(\.\d*)?")
_FRACTION = r"^(?P<whole>-?\d{1,19})(?:\.(?P<part>\d{0,9})\d*)?$"
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?(?P<offset>Z|[+-]\d\d:?\d\d)?")

# The dates that exist from 1700 to 2199: in months of 31 days, of 30, in February, and its 29th of leap years.
_YEAR = r"(1[7-9]|2[01])\d\d"
_LEAP_YEAR = r"((1[7-9]|2[01])(0[48]|[2468][048]|[13579][26])|2000)"
_DATE = (
    rf"({_YEAR}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_LOCAL = rf"^{_DATE}([ T]{_CLOCK})?$"
_ABSOLUTE = rf"^{_DATE}[ T]{_CLOCK}(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)$"
_DATE_LENGTH = len("2000-03-01")

Edge = Literal["earliest", "latest"]
Column = Callable[[], Iterable[pa.StringArray]]


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Nanoseconds since 1970 UTC, and NO_TIME where a cell is `bad` or its time `unclear` for the clocks changed."""

    values: Ints
    bad: Flags
    unclear: Flags


class TimeReader:
    """Reads a time column in the way of its first cell: Unix time, times with an offset, or times of `zone`.

    `column` lends the whole column from its beginning, for dates whose order of day and month no single one tells.
    Raises Invalid when all of them together do not.
    """

    def __init__(self, first: str, zone: ZoneInfo, column: Column) -> None:
        self.notes: list[str] = []
        self._zone = zone
        self._unit = 0
        self._form: WrittenForm | None = None
        iso = _ISO.fullmatch(first)
        self._absolute = iso is not None and iso["offset"] is not None
        if _UNIX.fullmatch(first):
            self._unit = unix_unit(int(first.partition(".")[0]))
        elif iso is None:
            self._form = form_of(first)
        if self._form is not None and self._form.order is DayOrder.UNKNOWN:
            order = day_order(self._form, column())
            self._form = self._form.with_order(order)
            self.notes.append(f"Dates such as {first[:40]} were read as {order.value}")

    def read(self, cells: pa.StringArray) -> Times:
        """Return the times of one batch."""
        if self._unit:
            return _absolute(self._unix_times(cells))
        if self._form is not None:
            moments = within_reach(self._form.moments(cells))
            if self._form.absolute:
                return _absolute(moments)
            return zoned(moments, self._form.has_clock(cells), self._zone)
        if self._absolute:
            return _absolute(within_reach(converted(cells, _ABSOLUTE, pa.timestamp("ns", "UTC"), NO_TIME)))
        moments = within_reach(converted(cells, _LOCAL, pa.timestamp("ns"), NO_TIME))
        has_clock = pc.greater(pc.utf8_length(cells), pa.scalar(_DATE_LENGTH)).to_numpy(zero_copy_only=False)
        return zoned(moments, has_clock, self._zone)

    def _unix_times(self, cells: pa.StringArray) -> Ints:
        if not bool(pc.any(pc.match_substring(cells, ".")).as_py()):
            return unix_moments(converted(cells, _WHOLE, pa.int64(), NO_TIME), self._unit)
        parts = pc.extract_regex(cells, _FRACTION)
        whole = cast("pa.StringArray", pc.fill_null(pc.struct_field(parts, "whole"), ""))
        moments = unix_moments(converted(whole, _WHOLE, pa.int64(), NO_TIME), self._unit)
        digits = pc.utf8_rpad(pc.fill_null(pc.struct_field(parts, "part"), ""), 9, "0")
        fraction = pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False) * self._unit // 10**9
        below = pc.starts_with(whole, "-").to_numpy(zero_copy_only=False)
        return np.where(moments == NO_TIME, NO_TIME, moments + np.where(below, -fraction, fraction))


def zoned(local: Ints, has_clock: Flags, zone: ZoneInfo) -> Times:
    """Return the moments at which the clocks of `zone` show `local`, nanoseconds since their own 1970.

    A day that begins in a skipped hour begins when the clocks go on; one that begins twice, the first time. With a time
    of day, either is unclear.
    """
    bad = out_of_reach(local)
    if zone.key == "UTC":
        return Times(np.where(bad, NO_TIME, local), bad, np.zeros(len(local), np.bool_))
    clock = _clock(local, bad)
    usual = _in_zone(clock, zone, ambiguous="earliest", nonexistent="latest")
    other = _in_zone(clock, zone, ambiguous="latest", nonexistent="earliest")
    unclear = ~bad & has_clock & (usual != other)
    return Times(np.where(unclear, NO_TIME, usual), bad, unclear)


def known_zone(name: str) -> ZoneInfo:
    """Return the time zone of that name. Raises Invalid when there is none."""
    try:
        zone = ZoneInfo(name)
        _in_zone(_clock(np.zeros(1, np.int64), None), zone, ambiguous="earliest", nonexistent="latest")
    except (KeyError, ValueError, OSError) as error:
        message = f"{name} is no time zone; write a name such as UTC, Europe/Berlin or America/New_York"
        raise Invalid(f"The time zone {message}", errors=(InputError("/timezone", message),)) from error
    return zone


class ClockJoiner:
    """Makes one text of dates and times of day in two columns.

    Digits alone are hours and minutes, or seconds too when the first part of the column has some of more than four.
    """

    def __init__(self) -> None:
        self._digits: int | None = None

    def join(self, date: pa.StringArray, clock: pa.StringArray) -> pa.StringArray:
        """Return the texts of one batch."""
        if self._digits is None and len(clock):
            bare = re.fullmatch(r"\d{1,6}", clock[0].as_py()) is not None
            longest = pc.max(pc.utf8_length(clock)).as_py()
            self._digits = (6 if longest > 4 else 4) if bare else 0
        if self._digits:
            clock = pc.utf8_lpad(clock, self._digits, "0")
        day = pc.replace_substring_regex(date, r"[ T]0?0:00(:00(\.0*)?)?$", "")
        return pc.binary_join_element_wise(day, clock, cast("pa.StringArray", pa.scalar(" ")))


def _absolute(values: Ints) -> Times:
    moments = within_reach(values)
    return Times(moments, moments == NO_TIME, np.zeros(len(values), np.bool_))


def _in_zone(clock: pa.TimestampArray, zone: ZoneInfo, *, ambiguous: Edge, nonexistent: Edge) -> Ints:
    moments = pc.assume_timezone(clock, zone.key, ambiguous=ambiguous, nonexistent=nonexistent)
    return moments.cast(pa.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)


def _clock(values: Ints, missing: Flags | None) -> pa.TimestampArray:
    return cast("pa.TimestampArray", pa.array(values, pa.timestamp("ns"), mask=missing))
