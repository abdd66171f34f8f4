"""Headers as exports write them, and what is said of one that does not do."""

import pytest

from services.backtest.core.ingest.header import read_header
from shared.contracts.errors import Invalid


@pytest.mark.parametrize(
    ("line", "delimiter", "order"),
    [
        ("Date,Open,High,Low,Close,Volume", ",", [0, 1, 2, 3, 4, 5]),
        ("Date,Open,High,Low,Close,Adj Close,Volume", ",", [0, 1, 2, 3, 4, 6]),
        ("timestamp;o;h;l;c;v", ";", [0, 1, 2, 3, 4, 5]),
        ("<VOL>\t<CLOSE>\t<LOW>\t<HIGH>\t<OPEN>\t<DATE>", "\t", [5, 4, 3, 2, 1, 0]),
        ('"Date Time", "OPEN" ,High,Low,Close,"Volume"', ",", [0, 1, 2, 3, 4, 5]),
        ("ticker,per,date_time,open,high,low,close,vol", ",", [2, 3, 4, 5, 6, 7]),
    ],
)
def test_columns_are_found_by_their_usual_names(line: str, delimiter: str, order: list[int]) -> None:
    """Any order, any case, any of the three delimiters, and other columns do not matter."""
    header = read_header(line)
    assert (header.delimiter, list(header.columns.values())) == (delimiter, order)
    assert list(header.columns) == ["time", "open", "high", "low", "close", "volume"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Date,Open,High,Low,Close", ["volume", "Date, Open"]),
        ("a,b", ["time, open, high, low, close, volume"]),
        ("2024-01-01,1,2,1,1,5", ["time, open, high, low, close, volume"]),
        ("Date,Time,Open,High,Low,Close,Volume", ["Date and Time", "keep one"]),
        ("Date,Open,High,Low,Close,Volume,close", ["Close and close", "keep one"]),
    ],
)
def test_a_header_that_does_not_do_is_told_what_it_lacks(line: str, words: list[str]) -> None:
    """A missing column, or one there twice, is named, and so is what was found."""
    with pytest.raises(Invalid) as caught:
        read_header(line)
    (error,) = caught.value.errors
    assert error.pointer == "/file"
    assert all(word in error.message for word in words), error.message
