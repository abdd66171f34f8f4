"""Which of several columns holds the time."""

import pytest

from services.backtest.core.ingest.time_columns import Kind, TimeColumns, choose_time, kind_of


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("2024-01-31", "date"), ("20240131", "date"), ("31/01/2024", "date"), ("Jan 31, 2024", "date"),
        ("2024-01-31 00:00:00", "date"), ("2024-01-31T00:00", "date"), ("", "date"),
        ("2024-01-31 09:30", "moment"), ("1706693400", "moment"), ("1706693400.5", "moment"),
        ("1706693400000000000", "moment"), ("2024-01-31T00:00:00Z", "moment"),
        ("09:30", "clock"), ("9:30:15.5", "clock"), ("9:30 AM", "clock"), ("093000", "clock"), ("0", "clock"),
    ],
)  # fmt: skip
def test_a_cell_tells_what_its_column_is(cell: str, kind: Kind) -> None:
    """A day, a time of day, or both: a moment."""
    assert kind_of(cell) == kind


@pytest.mark.parametrize(
    ("kinds", "chosen"),
    [
        (["moment"], TimeColumns(0, None)),
        (["clock"], TimeColumns(0, None)),
        (["date", "clock"], TimeColumns(0, 1)),
        (["clock", "date"], TimeColumns(1, 0)),
        (["date", "moment"], TimeColumns(1, None)),
        (["moment", "moment"], TimeColumns(0, None)),
        (["moment", "clock"], TimeColumns(0, None)),
        (["moment", "date", "clock"], TimeColumns(1, 2)),
    ],
)
def test_a_date_with_its_clock_comes_before_a_moment_alone(kinds: list[Kind], chosen: TimeColumns) -> None:
    """What a column says alone is taken when it is all that there is."""
    assert choose_time(range(len(kinds)), kinds) == chosen
