"""The texts that stand for times, against the calendar itself."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from services.backtest.core.ingest.table import NO_TIME
from services.backtest.files.csv_times import TimeReader


def test_the_dates_that_are_read_are_those_that_exist() -> None:
    """Every day of every month and leap year, and no other, in one column that has wrong ones too."""
    texts = [f"{year}-{month:02}-{day:02}" for year in (1699, 1700, 1900, 2000, 2023, 2024, 2100, 2199, 2200)
             for month in range(14) for day in range(33)]  # fmt: skip
    read = TimeReader("2000-01-01", ZoneInfo("UTC"), list).read(pa.array(texts, pa.string()))
    for text, bad, value in zip(texts, read.bad.tolist(), read.values.tolist(), strict=True):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        exists = 1700 <= day.year < 2200
        assert bad is not exists, text
        assert value == ((day - date(1970, 1, 1)).days * 86_400 * 10**9 if exists else NO_TIME)


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%d-%b-%Y", "%Y/%m/%d", "%B %d, %Y"])
def test_so_are_those_in_other_forms(form: str) -> None:
    """What exists in ISO exists in any form, and comes to the same moment; the 31st of April is no day."""
    days = [date(year, month, day) for year in (1700, 2000, 2023, 2199) for month in (1, 2, 12) for day in (1, 28)]
    texts = [day.strftime(form) for day in days]
    wrong = [
        texts[0].replace(str(days[0].year), "1699"),
        "31.04.2024",
        "29-Feb-2023",
        "2023/13/01",
        "April 31, 2024",
        "",
    ]
    read = reader(texts[0]).read(pa.array([*texts, *wrong], pa.string()))
    assert read.bad.tolist() == [False] * len(texts) + [True] * len(wrong)
    assert read.values[: len(texts)].tolist() == [(day - date(1970, 1, 1)).days * 86_400 * 10**9 for day in days]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1/13/24 9:30 AM", "1/13/24 12:00 PM", "1/14/24 12:00 am"], ["13T09:30", "13T12:00", "14T00:00"]),
        (["13/01/2024 9:30:15", "13/01/2024 10:30:15.5"], ["13T09:30:15", "13T10:30:15.5"]),
        (["13.01.2024 00:00:00.000 GMT+0130", "13.01.2024 02:00:00.000 GMT-01"], ["12T22:30", "13T03:00"]),
        (["Sat, 13 Jan 2024 10:00:00 GMT"], ["13T10:00"]),
        (["20240113 093000", "20240113 093059"], ["13T09:30", "13T09:30:59"]),
        (["2024.01.13, 9:30"], ["13T09:30"]),
        (["05/01/2024", "06/01/2024", "01/02/2024"], ["05", "06", "32"]),
        (["01/03/2024", "01/02/2024", "12/31/2023"], ["03", "02", "00"]),
        (["1705138200.25", "1705138200"], ["13T09:30:00.25", "13T09:30"]),
        (["1705138200000000", "1705138200000001"], ["13T09:30", "13T09:30:00.000001"]),
        (["-600000000.5", "-600000000"], ["1950-12-27T13:19:59.5", "1950-12-27T13:20"]),
    ],
)
def test_times_of_many_forms(cells: list[str], expected: list[str]) -> None:
    """Clocks of 12 and of 24 hours, offsets, fractions, and whichever order of day and month the column tells."""
    read = reader(cells[0], cells).read(pa.array(cells, pa.string()))
    assert not read.bad.any()
    assert read.values.tolist() == [moment(text) for text in expected]


@pytest.mark.parametrize(
    ("first", "cell"),
    [
        ("1/13/24 9:30 AM", "1/13/24 13:00 PM"),
        ("1/13/24 9:30 AM", "1/13/24 0:30 AM"),
        ("13/01/2024", "01/13/2024"),
        ("13.01.2024 10:00", "13.01.2024 24:00"),
        ("13.01.2024 10:00", "13.01.2024 10:60"),
        ("13.01.2024 10:00 GMT", "13.01.2024 10:00"),
        ("20240113 093000", "20240113 93000"),
        ("1705138200", "1705138200000"),
        ("1705138200.5", "1705138200,5"),
        ("1705138200", "9223372036854775808"),
        ("05-Jan-2024", "05-Mai-2024"),
    ],
)
def test_what_is_of_another_form_is_bad(first: str, cell: str) -> None:
    """One column is written in one way: what is not is told, never guessed."""
    read = reader(first, [first]).read(pa.array([first, cell], pa.string()))
    assert read.bad.tolist() == [False, True]


def reader(first: str, column: list[str] | None = None) -> TimeReader:
    """A reader of UTC times for a column that begins so."""
    return TimeReader(first, ZoneInfo("UTC"), lambda: [pa.array(column or [first], pa.string())])


def moment(text: str) -> int:
    """Nanoseconds of a day of January 2024 with its time, or of a whole ISO time."""
    if len(text) < 5 or text[2] == "T":
        day, _, clock = text.partition("T")
        text = f"{date(2024, 1, 1) + timedelta(days=int(day) - 1)}T{clock or '00:00'}"
    return int(np.datetime64(text, "ns").astype(np.int64))
