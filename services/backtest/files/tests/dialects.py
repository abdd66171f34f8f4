"""The same bars in the words of many exports, as CSV and as Parquet."""

import io
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.backtest.core.bars import Bars
from services.backtest.tests.fakes import apple

Row = tuple[datetime, float, float, float, float, int]


def some_bars(count: int = 60) -> Bars:
    """The first daily bars of AAPL, to two decimals and whole volumes, so that every dialect can write them."""
    bars = apple()
    rounded = {name: np.round(getattr(bars, name)[:count], 2) for name in ("open", "high", "low", "close")}
    return Bars(time=bars.time[:count], volume=np.round(bars.volume[:count]), **rounded)


def rows_of(bars: Bars) -> list[Row]:
    """The bars one by one, their times as those of UTC clocks."""
    times = (bars.time // 1000).astype("datetime64[us]").tolist()
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume.astype(np.int64))
    return list(zip(times, *(column.tolist() for column in columns), strict=True))


def _lines(header: str, line: Callable[[Row], str], end: str = "\n") -> Callable[[list[Row]], bytes]:
    def write(rows: list[Row]) -> bytes:
        return "".join(text + end for text in [*header.splitlines(), *map(line, rows)]).encode()

    return write


def _plain(row: Row, delimiter: str = ",") -> str:
    return delimiter.join(map(str, row[1:]))


def _german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def _unix(row: Row) -> int:
    return round((row[0] - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001  # both on UTC clocks


# Each writes the bars as a file. Those of `some_bars` reach beyond the 12th of a month.
CSV: dict[str, Callable[[list[Row]], bytes]] = {
    "yahoo": _lines(
        "Date,Open,High,Low,Close,Adj Close,Volume",
        lambda r: f"{r[0]:%Y-%m-%d},{r[1]},{r[2]},{r[3]},{r[4]},{r[4]},{r[5]}",
    ),
    "yfinance": _lines(
        "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,",
        lambda r: f"{r[0]:%Y-%m-%d},{r[4]},{r[2]},{r[3]},{r[1]},{r[5]}",
    ),
    "stooq": _lines(
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
        lambda r: f"AAPL.US,D,{r[0]:%Y%m%d},000000,{_plain(r)},0",
    ),
    "metatrader 5": _lines(
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<SPREAD>",
        lambda r: "\t".join([f"{r[0]:%Y.%m.%d}", f"{r[0]:%H:%M:%S}", *map(str, r[1:]), "3"]),
        "\r\n",
    ),
    "metatrader 4": _lines("", lambda r: f"{r[0]:%Y.%m.%d},{r[0]:%H:%M},{_plain(r)}", "\r\n"),
    "histdata": _lines("", lambda r: f"{r[0]:%Y%m%d %H%M%S};{_plain(r, ';')}"),
    "binance": _lines("", lambda r: f"{_unix(r)}000,{_plain(r)},{_unix(r) + 86399}999,{r[4] * r[5]},17,1.5,2.5,0"),
    "binance, microseconds": _lines(
        "", lambda r: f"{_unix(r)}000000,{_plain(r)},{_unix(r) + 86399}999999,1,17,1.5,2,0"
    ),
    "tradingview": _lines("time,open,high,low,close,Volume,Volume MA", lambda r: f"{_unix(r)},{_plain(r)},100.5"),
    "alpaca": _lines("t,o,h,l,c,v,n,vw", lambda r: f"{r[0]:%Y-%m-%dT%H:%M:%SZ},{_plain(r)},17,1.5"),
    "polygon": _lines(
        "ticker,volume,open,close,high,low,window_start,transactions",
        lambda r: f"AAPL,{r[5]},{r[1]},{r[4]},{r[2]},{r[3]},{_unix(r)}000000000,17",
    ),
    "dukascopy": _lines(
        "Gmt time,Open,High,Low,Close,Volume", lambda r: f"{r[0]:%d.%m.%Y %H:%M:%S}.000 GMT+0000,{_plain(r)}"
    ),
    "investing": _lines(
        '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"',
        lambda r: f'"{r[0]:%m/%d/%Y}","{r[4]:,.2f}","{r[1]:,.2f}","{r[2]:,.2f}","{r[3]:,.2f}","{r[5]:,}","-1.9%"',
    ),
    "nasdaq": lambda rows: _lines(
        "Date,Close/Last,Volume,Open,High,Low",
        lambda r: f"{r[0]:%m/%d/%Y},${r[4]},{r[5]},${r[1]},${r[2]},${r[3]}",
    )(rows[::-1]),
    "german": _lines(
        "Datum und Zeit steht links\n\nDate;Open;High;Low;Close;Volume",
        lambda r: f"{r[0]:%d.%m.%Y};{';'.join(map(_german, r[1:5]))};{r[5]}",
        "\r\n",
    ),
    "british": _lines("Date,Time,Open,High,Low,Close,Volume", lambda r: f"{r[0]:%d/%m/%Y},{r[0]:%I:%M %p},{_plain(r)}"),
    "months by name": _lines("Date,Open,High,Low,Close,Volume", lambda r: f"{r[0]:%d-%b-%Y},{_plain(r)}"),
    "pandas": _lines(
        ",open,high,low,close,volume,dividends", lambda r: f"{r[0]:%Y-%m-%d %H:%M:%S}+00:00,{_plain(r)},0.0"
    ),
    "cryptodatadownload": lambda rows: _lines(
        "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
        lambda r: f"{_unix(r)}000,{r[0]:%Y-%m-%d %H:%M:%S},BTC/USD,{_plain(r)},17.5",
    )(rows[::-1]),
}


def parquet_of(columns: dict[str, object], **options: object) -> bytes:
    """A Parquet file of these columns."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)  # type: ignore[arg-type]  # options of the library's own
    return sink.getvalue()


def columns_of(bars: Bars) -> dict[str, object]:
    """The bars as Arrow columns."""
    numbers = {name: pa.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")}
    return {"time": pa.array(bars.time, pa.timestamp("ns", "UTC")), **numbers}
