"""Names of columns as exports write them, and what is said of those that do not do."""

import pytest

from services.backtest.core.ingest.columns import NO_VOLUME, find_columns, is_header, unnamed_columns
from shared.contracts.errors import Invalid


@pytest.mark.parametrize(
    ("names", "times", "numbers"),
    [
        ("Date,Open,High,Low,Close,Volume", [0], [1, 2, 3, 4, 5]),
        ("Date,Open,High,Low,Close,Adj Close,Volume", [0], [1, 2, 3, 4, 6]),
        ("timestamp,o,h,l,c,v", [0], [1, 2, 3, 4, 5]),
        ("<VOL>,<CLOSE>,<LOW>,<HIGH>,<OPEN>,<DATE>", [5], [4, 3, 2, 1, 0]),
        ("Date Time, OPEN ,High,Low,Close,Volume", [0], [1, 2, 3, 4, 5]),
        ("ticker,per,date_time,open,high,low,close,vol", [2], [3, 4, 5, 6, 7]),
        ("Date,Time,Open,High,Low,Close,Volume", [0, 1], [2, 3, 4, 5, 6]),
        ("unix,date,symbol,open,high,low,close,Volume BTC,Volume USD", [0, 1], [3, 4, 5, 6, 7]),
        ("timestamp,1. open,2. high,3. low,4. close,5. volume", [0], [1, 2, 3, 4, 5]),
        ("Date,Close/Last,Volume,Open,High,Low", [0], [3, 4, 5, 1, 2]),
        ("Date,Price,Open,High,Low,Vol.,Change %", [0], [2, 3, 4, 1, 5]),
        ("Date,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME", [0], [1, 2, 3, 4, 5]),
        ("Exchange Date,Open Price,High Price,Low Price,Last Price,Volume", [0], [1, 2, 3, 4, 5]),
        ("start_at,open,high,low,close,volume", [0], [1, 2, 3, 4, 5]),
        (
            "time_period_start,time_period_end,time_open,price_open,price_high,price_low,price_close,volume_traded",
            [0],
            [3, 4, 5, 6, 7],
        ),
        (",open,high,low,close,volume", [0], [1, 2, 3, 4, 5]),
        ("open,high,low,close,volume,__index_level_0__", [5], [0, 1, 2, 3, 4]),
        ("<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>,<SPREAD>", [0, 1], [2, 3, 4, 5, 6]),
    ],
)
def test_columns_are_found_by_their_usual_names(names: str, times: list[int], numbers: list[int]) -> None:
    """Any order, any case, any marks, and other columns do not matter."""
    columns = find_columns(names.split(","))
    assert list(columns.times) == times
    assert [columns.numbers[field] for field in ("open", "high", "low", "close", "volume")] == numbers
    assert is_header(names.split(","))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("Date,Open,High,Low,Volume", ["no column for close", "Date, Open"]),
        ("a,b", ["time, open, high, low, close"]),
        ("open,high,low,close,volume", ["no column for time", "name them time, open"]),
        ("Date,Open,High,Low,Close,Volume,close", ["Close and close", "keep one"]),
    ],
)
def test_what_is_missing_or_there_twice_is_named(names: str, words: list[str]) -> None:
    """And so is what was found."""
    with pytest.raises(Invalid) as caught:
        find_columns(names.split(","))
    (error,) = caught.value.errors
    assert error.pointer == "/file"
    assert all(word in error.message for word in words), error.message


@pytest.mark.parametrize(
    ("names", "note"),
    [
        ("Date,Open,High,Low,Close", NO_VOLUME),
        ("Date,Open,High,Low,Close,Adj Close,Volume", "The column Adj Close was not used"),
        ("Date,Open,High,Low,Close,Volume,TickVol", "The volume was read from Volume, not from TickVol"),
    ],
)
def test_what_one_may_not_expect_is_noted(names: str, note: str) -> None:
    """A column that is not there, and one that is and was not used."""
    (found,) = find_columns(names.split(",")).notes
    assert note in found


@pytest.mark.parametrize("names", ["2024-01-01,1,2,1,1,5", "1704067200,1,2,1,1,5,0", "a,b", "", "Open"])
def test_a_row_of_bars_is_no_header(names: str) -> None:
    """Nor is anything else that does not name a time and a price."""
    assert not is_header(names.split(","))


def test_without_names_the_order_is_the_usual_one() -> None:
    """Time, open, high, low, close, volume, and the date and the clock first when there are both; it is noted."""
    with_clock = unnamed_columns(7, clock=True)
    assert (with_clock.times, with_clock.numbers["open"], with_clock.numbers["volume"]) == ((0, 1), 2, 6)
    without_volume = unnamed_columns(5, clock=False)
    assert (without_volume.times, list(without_volume.numbers)) == ((0,), ["open", "high", "low", "close"])
    assert without_volume.notes[1] == NO_VOLUME
    with pytest.raises(Invalid, match="too few"):
        unnamed_columns(4, clock=False)
