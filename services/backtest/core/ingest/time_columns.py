"""Which of the columns that may hold the time do, by what their first cells look like."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["moment", "date", "clock"]

_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?\s?([AaPp]\.?[Mm]\.?)?|\d{1,6}")
_UNIX = re.compile(r"-?\d{9,19}(\.\d+)?")
_MIDNIGHT = re.compile(r".*[ T]0?0:00(:00(\.0+)?)?")


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """The column of the time, or of the date when another one holds the clock."""

    time: int
    clock: int | None


def kind_of(cell: str) -> Kind:
    """Say what a first cell is: a time of day, a day (or a day's midnight), or a moment, such as a Unix time."""
    if _CLOCK.fullmatch(cell):
        return "clock"
    if _UNIX.fullmatch(cell) or (":" in cell and not _MIDNIGHT.fullmatch(cell)):
        return "moment"
    return "date"


def choose_time(columns: Sequence[int], kinds: Sequence[Kind]) -> TimeColumns:
    """Choose among `columns` (one or more) whose first cells are of `kinds`: date and clock, else the finest alone.

    Where a column says the whole moment and no other one the date for a clock, it is taken; of equal ones the first.
    """
    by_kind: dict[Kind, list[int]] = {"moment": [], "date": [], "clock": []}
    for column, kind in zip(columns, kinds, strict=True):
        by_kind[kind].append(column)
    if by_kind["date"] and by_kind["clock"]:
        return TimeColumns(by_kind["date"][0], by_kind["clock"][0])
    return TimeColumns((by_kind["moment"] or by_kind["date"] or by_kind["clock"])[0], None)
