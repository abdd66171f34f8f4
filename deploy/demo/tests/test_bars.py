"""The demo bars."""

import csv
import hashlib
import struct
from pathlib import Path

import pytest

from deploy.demo.bars import SYMBOLS, DemoBarsMissing, demo_bars, write_csv, write_demo_bars

# Of the adjusted closes as little-endian 64-bit floats: the very numbers independent engines were run on.
AAPL_CLOSES_SHA256 = "8092be8d259c8bec1f2a415a86d0527aa59ce8f28f095dd1b72fa2e150408b3d"


def closes_sha256(closes: list[float]) -> str:
    return hashlib.sha256(struct.pack(f"<{len(closes)}d", *closes)).hexdigest()


def test_adjusted_closes_are_exact() -> None:
    """3,270 days of AAPL, equal to the last bit."""
    bars = demo_bars("AAPL")
    assert (len(bars), bars[0].date, bars[-1].date) == (3270, "2000-03-01", "2013-03-01")
    assert closes_sha256([bar.close for bar in bars]) == AAPL_CLOSES_SHA256
    assert bars[0].volume == 9_616_100


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_bars_are_sound(symbol: str) -> None:
    """Each day lies between its low and its high, prices are positive, days rise."""
    bars = demo_bars(symbol)
    assert all(0 < bar.low <= min(bar.open, bar.close) for bar in bars)
    assert all(bar.high >= max(bar.open, bar.close) for bar in bars)
    dates = [bar.date for bar in bars]
    assert dates == sorted(set(dates))


def test_written_floats_can_be_read_back(tmp_path: Path) -> None:
    """The CSV carries the same numbers, not rounded ones."""
    write_csv(demo_bars("AAPL"), tmp_path / "AAPL.csv")
    with (tmp_path / "AAPL.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["date", "open", "high", "low", "close", "volume"]
    assert closes_sha256([float(row["close"]) for row in rows]) == AAPL_CLOSES_SHA256


def test_written_once(tmp_path: Path) -> None:
    """One file per symbol; what is there already is the user's and stays."""
    write_demo_bars(tmp_path / "demo")
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {f"{symbol}.csv" for symbol in SYMBOLS}
    (tmp_path / "demo/IBM.csv").write_text("mine")
    (tmp_path / "demo/FB.csv").unlink()
    write_demo_bars(tmp_path / "demo")
    assert (tmp_path / "demo/IBM.csv").read_text() == "mine"
    assert (tmp_path / "demo/FB.csv").read_text().startswith("date,open,high,low,close,volume\n")


def test_symbol_that_is_not_there() -> None:
    """The message names those that are."""
    with pytest.raises(ValueError, match="no demo bars of TSLA: choose one of AAPL, MSFT, IBM, GOOG, FB"):
        demo_bars("TSLA")


def test_data_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without the data is named."""
    monkeypatch.setenv("AURELIUS_DEMO_DATA", str(tmp_path))
    with pytest.raises(DemoBarsMissing, match=str(tmp_path)):
        demo_bars("AAPL")
