"""The texts that stand for times, against the calendar itself."""

from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa

from services.backtest.core.ingest.table import NO_TIME
from services.backtest.files.csv_cells import TimeReader


def test_the_dates_that_are_read_are_those_that_exist() -> None:
    """Every day of every month and leap year, and no other, in one column that has wrong ones too."""
    texts = [f"{year}-{month:02}-{day:02}" for year in (1699, 1700, 1900, 2000, 2023, 2024, 2100, 2199, 2200)
             for month in range(14) for day in range(33)]  # fmt: skip
    read = TimeReader("2000-01-01", ZoneInfo("UTC")).read(pa.array(texts, pa.string()))
    for text, bad, value in zip(texts, read.bad.tolist(), read.values.tolist(), strict=True):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        exists = 1700 <= day.year < 2200
        assert bad is not exists, text
        assert value == ((day - date(1970, 1, 1)).days * 86_400 * 10**9 if exists else NO_TIME)
