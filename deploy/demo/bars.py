"""The demo market data: daily bars of five shares from the bokeh-sampledata package, adjusted for splits and dividends.

The package is installed without its dependencies, so it cannot be imported; its data file is read.
"""

import csv
import gzip
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

SYMBOLS = ("AAPL", "MSFT", "IBM", "GOOG", "FB")

_FILE = Path("bokeh_sampledata/_data/stocks.csv.gz")


class DemoBarsMissing(Exception):
    """The package is not installed where this looks."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: `date` as YYYY-MM-DD, adjusted prices in dollars, volume in shares as traded."""

    date: str
    open: float
    high: float
    low: float
    close: float
    volume: int


def demo_bars(symbol: str) -> list[Bar]:
    """The bars of one of SYMBOLS, oldest first. Raises DemoBarsMissing, or ValueError for another symbol."""
    if symbol not in SYMBOLS:
        raise ValueError(f"no demo bars of {symbol}: choose one of {', '.join(SYMBOLS)}")
    return _bars_of([symbol])[symbol]


def write_demo_bars(folder: Path) -> dict[str, Path]:
    """Write `<SYMBOL>.csv` for each symbol that has no file yet; returns all the files. Raises DemoBarsMissing."""
    files = {symbol: folder / f"{symbol}.csv" for symbol in SYMBOLS}
    missing = [symbol for symbol, file in files.items() if not file.exists()]
    if missing:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for symbol, bars in _bars_of(missing).items():
            write_csv(bars, files[symbol])
    return files


def write_csv(bars: Sequence[Bar], path: Path) -> None:
    """Write bars so that the very same floats can be read back; the file appears whole or not at all."""
    unfinished = path.with_suffix(".new")
    with unfinished.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Bar))
        writer.writerows(map(astuple, bars))
    unfinished.rename(path)


def _bars_of(symbols: Sequence[str]) -> dict[str, list[Bar]]:
    bars: dict[str, list[Bar]] = {symbol: [] for symbol in symbols}
    for row in _rows():
        if row["Ticker"] in bars:
            bars[row["Ticker"]].append(_adjusted(row))
    return bars


def _adjusted(row: dict[str, str]) -> Bar:
    """Multiply prices by (adjusted close / close), in this order of operations: published results were made so."""
    factor = float(row["Adj Close"]) / float(row["Close"])
    opened, high, low, close = (float(row[name]) * factor for name in ("Open", "High", "Low", "Close"))
    return Bar(row["Date"], opened, high, low, close, int(row["Volume"]))


def _rows() -> Iterator[dict[str, str]]:
    with gzip.open(_data_file(), "rt", newline="") as file:
        yield from csv.DictReader(file)


def _data_file() -> Path:
    given = os.environ.get("AURELIUS_DEMO_DATA")
    folders = [given] if given else [f"{sys.prefix}/share/demo-data", sysconfig.get_path("purelib")]
    for folder in folders:
        if (file := Path(folder) / _FILE).exists():
            return file
    raise DemoBarsMissing(f"no {_FILE} in {' or '.join(folders)}: bokeh-sampledata is not installed")
