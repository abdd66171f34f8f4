"""Dates that are not ISO: how a column's first cell writes them, and whether its day or its month comes first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.civil import HOUR, MINUTE, Parts, moments_of
from services.backtest.core.ingest.refusals import refused

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?))"
)
_WEEKDAY = r"(?:(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? )?"
_CLOCK = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
_DIGITS = r"(?:(?:T| +)(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?P<fraction>)(?P<half>))?"
_OFFSET = r" ?(?:Z|UTC|(?:UTC|GMT)?(?P<east>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?|GMT)"
_FIRST_OF_LAST_CENTURY = 70


class DayOrder(Enum):
    """Which of a date's numbers is the day."""

    DAY_FIRST = "day/month/year"
    MONTH_FIRST = "month/day/year"
    UNKNOWN = "either"
    NAMED = "named"


# How a date may be written, the likeliest first. Points stand between day and month in this order alone.
_DATES = (
    (r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})", DayOrder.NAMED),
    (r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", DayOrder.NAMED),
    (r"(?P<day>\d{1,2})[.](?P<month>\d{1,2})[.](?P<year>\d{4}|\d\d)", DayOrder.NAMED),
    (r"(?P<one>\d{1,2})[-/](?P<two>\d{1,2})[-/](?P<year>\d{4}|\d\d)", DayOrder.UNKNOWN),
    (rf"{_WEEKDAY}(?P<day>\d{{1,2}})[- ]{_MONTH}\.?[-, ] ?(?P<year>\d{{4}}|\d\d)", DayOrder.NAMED),
    (rf"{_WEEKDAY}{_MONTH}\.? (?P<day>\d{{1,2}}),? (?P<year>\d{{4}})", DayOrder.NAMED),
)


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """A way to write times; `absolute` when they say their offset from UTC."""

    pattern: str
    order: DayOrder
    absolute: bool

    def with_order(self, order: DayOrder) -> "WrittenForm":
        """Return the form with the order of day and month that was found."""
        return replace(self, order=order)

    def moments(self, cells: pa.StringArray) -> Ints:
        """Return nanoseconds since 1970, UTC or on the clocks of some zone; NO_TIME for a cell in another form."""
        found = self._found(cells)
        year = _numbers(found, "year", -1)
        short = (year >= 0) & (year < 100)
        year = np.where(short, year + np.where(year < _FIRST_OF_LAST_CENTURY, 2000, 1900), year)
        hour, sound = _hours(found)
        return moments_of(
            Parts(
                year=np.where(sound, year, -1),
                month=self._months(found),
                day=_numbers(found, "two" if self.order is DayOrder.MONTH_FIRST else self._name("day", "one"), 0),
                hour=hour,
                minute=_numbers(found, "minute", 0),
                second=_numbers(found, "second", 0),
                fraction=_numbers(found, "fraction", 0, digits=9),
                offset=_offsets(found) if self.absolute else np.zeros(len(cells), np.int64),
            )
        )

    def has_clock(self, cells: pa.StringArray) -> Flags:
        """Say which cells have a time of day."""
        return _numbers(self._found(cells), "hour", -1) >= 0

    def days_of(self, cells: pa.StringArray) -> tuple[Ints, Ints, Ints]:
        """Return the first number, the second and the year of dates whose order is unknown, -1 for no such date."""
        found = self._found(cells)
        one, two, year = (_numbers(found, name, -1) for name in ("one", "two", "year"))
        return one, two, year

    def _found(self, cells: pa.StringArray) -> "pa.StructArray":
        found: pa.StructArray = pc.extract_regex(cells, self.pattern)
        return found

    def _name(self, named: str, numbered: str) -> str:
        return named if self.order is DayOrder.NAMED else numbered

    def _months(self, found: "pa.StructArray") -> Ints:
        if "(?i:jan" not in self.pattern:
            name = "one" if self.order is DayOrder.MONTH_FIRST else self._name("month", "two")
            return _numbers(found, name, 0)
        names = pc.utf8_lower(pc.utf8_slice_codeunits(pc.struct_field(found, "month"), 0, 3))
        places: pa.Array[Any] = pc.index_in(names, pa.array(_MONTHS))
        return places.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1


def form_of(first: str) -> WrittenForm | None:
    """Return the form that a column's first cell is written in; None when none is known."""
    for date, order in _DATES:
        for clock in (_CLOCK, _DIGITS):
            for absolute in (False, True):
                pattern = f"^{date}{clock}{_OFFSET if absolute else ''}$"
                if re.match(pattern, first):
                    return WrittenForm(pattern, order, absolute)
    return None


def day_order(form: WrittenForm, column: Iterable[pa.StringArray]) -> DayOrder:
    """Say whether the dates of a whole column have the day first or the month.

    A number above 12 tells; else the order of the rows may, when they go one way in one reading alone. Raises Invalid
    when both readings are possible.
    """
    ways = {DayOrder.DAY_FIRST: _Way(), DayOrder.MONTH_FIRST: _Way()}
    for cells in column:
        one, two, year = form.days_of(cells)
        if np.any(one > 12):
            return DayOrder.DAY_FIRST
        if np.any(two > 12):
            return DayOrder.MONTH_FIRST
        known = year >= 0
        ways[DayOrder.DAY_FIRST].follow((year * 10_000 + two * 100 + one)[known])
        ways[DayOrder.MONTH_FIRST].follow((year * 10_000 + one * 100 + two)[known])
    sorted_ways = [order for order, way in ways.items() if way.is_one]
    if len(sorted_ways) == 1:
        return sorted_ways[0]
    raise refused(
        "has dates that can be read as day/month/year and as month/day/year, and no day above 12 tells which; "
        "write them as 2024-01-31"
    )


class _Way:
    """Whether numbers that come in parts only rise, or only fall."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._rises = self._falls = True

    def follow(self, numbers: Ints) -> None:
        if not len(numbers):
            return
        steps = np.diff(numbers, prepend=numbers[0] if self._last is None else self._last)
        self._rises &= bool(np.all(steps >= 0))
        self._falls &= bool(np.all(steps <= 0))
        self._last = int(numbers[-1])

    @property
    def is_one(self) -> bool:
        return self._rises or self._falls


def _hours(found: "pa.StructArray") -> tuple[Ints, Flags]:
    """Hours of 24, and where they are sound: those of a clock of 12 hours go from 1 to 12."""
    hour = _numbers(found, "hour", 0)
    half = pc.utf8_lower(_texts(found, "half"))
    is_half, is_afternoon = ~_equal(half, ""), _equal(half, "p")
    return np.where(is_half, hour % 12 + 12 * is_afternoon, hour), ~is_half | ((hour >= 1) & (hour <= 12))


def _offsets(found: "pa.StructArray") -> Ints:
    size = _numbers(found, "hours", 0) * HOUR + _numbers(found, "minutes", 0) * MINUTE
    return np.where(_equal(_texts(found, "east"), "-"), -size, size)


def _numbers(found: "pa.StructArray", name: str, missing: int, *, digits: int = 0) -> Ints:
    """The numbers of one part, `missing` where it is not there; `digits` fills them up to so many from the right."""
    text = _texts(found, name)
    if digits:
        text = pc.utf8_rpad(text, digits, "0")
    text = cast("pa.StringArray", pc.if_else(pc.equal(text, pa.scalar("")), str(missing), text))
    return pc.cast(text, pa.int64()).to_numpy(zero_copy_only=False)


def _texts(found: "pa.StructArray", name: str) -> pa.StringArray:
    """The texts of one part, empty where it is not there."""
    return cast("pa.StringArray", pc.fill_null(pc.struct_field(found, name), ""))


def _equal(texts: pa.StringArray, text: str) -> Flags:
    return pc.equal(texts, pa.scalar(text)).to_numpy(zero_copy_only=False)
