"""What datasets are called."""

import pytest

from services.backtest.core.ingest.names import names_of
from shared.contracts.errors import Invalid


@pytest.mark.parametrize(
    ("filename", "name", "symbol"),
    [
        ("aapl.csv", "aapl", "AAPL"),
        ("aapl.csv.gz", "aapl", "AAPL"),
        ("aapl.GZ", "aapl", "AAPL"),
        ("EUR USD.2017.csv", "EUR USD.2017", "EUR USD.2017"),
        ("../../etc/passwd", "passwd", "PASSWD"),
        ("C:\\data\\msft.csv", "msft", "MSFT"),
        ("a\x00b\n.csv", "ab", "AB"),
        ("", "dataset", "DATASET"),
        (".csv", ".csv", ".CSV"),
        ("x" * 300 + ".csv", "x" * 200, "X" * 64),
    ],
)
def test_the_files_name_stands_in(filename: str, name: str, symbol: str) -> None:
    """Without its folder and its ending, and never longer than a name may be."""
    assert names_of(filename, None, None) == (name, symbol)


def test_a_symbol_in_the_rows_goes_before_the_files_name() -> None:
    """Unless one is given, or it could not be one."""
    assert names_of("a.csv", None, None, "BTC/USD") == ("a", "BTC/USD")
    assert names_of("a.csv", None, "X", "BTC/USD") == ("a", "X")
    for found in ("", "a\nb", "x" * 65):
        assert names_of("a.csv", None, None, found) == ("a", "A")


def test_what_is_given_is_kept() -> None:
    """As it was written, in capitals or not."""
    assert names_of("a.csv", "Apple, adjusted", "aapl") == ("Apple, adjusted", "aapl")


@pytest.mark.parametrize(("given", "pointer"), [(("a\x00", None), "/name"), ((None, "A\nB"), "/symbol")])
def test_what_cannot_be_shown_is_refused(given: tuple[str | None, str | None], pointer: str) -> None:
    """By the name of the field."""
    with pytest.raises(Invalid) as caught:
        names_of("a.csv", *given)
    assert caught.value.errors[0].pointer == pointer
