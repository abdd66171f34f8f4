"""Which column of an uploaded table holds what, from the names that exports give their columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.backtest.core.ingest.refusals import refused

PRICES = ("open", "high", "low", "close")
NUMBERS = (*PRICES, "volume")
MAX_COLUMNS = 1000

# Without case, spaces and marks: `<DATE>`, `Date Time` and `date_time` are read alike. Of several columns for a field
# the one whose name comes first here is taken; two of one name cannot be told apart.
_NAMES = {
    "open": ("open", "o", "openprice", "priceopen", "pxopen"),
    "high": ("high", "h", "highprice", "pricehigh", "pxhigh"),
    "low": ("low", "l", "lowprice", "pricelow", "pxlow"),
    "close": ("close", "c", "closeprice", "priceclose", "closelast", "last", "lastprice", "pxlast", "pxclose", "price"),
    "volume": ("volume", "vol", "v", "tickvolume", "tickvol", "totalvolume", "basevolume", "pxvolume"),
}
# Names of another column than the one that is wanted, although they begin like it.
_VOLUME_IN = re.compile(r"volume[a-z]{2,8}")
_TIMES = frozenset(
    {
        "time", "date", "datetime", "dateandtime", "timestamp", "ts", "t", "unix", "unixtime", "unixtimestamp", "epoch",
        "opentime", "starttime", "startat", "timestart", "timeperiodstart", "begin", "day", "tradedate", "tradingday",
        "exchangedate", "dtyyyymmdd", "gmttime",
        "localtime", "utc", "timeutc", "dateutc", "datetimeutc", "timestamputc", "windowstart", "tsevent", "timehhmmss",
        "clock",
    }
)  # fmt: skip
# What stands for the time when nothing else does: the index of a data frame.
_INDEXES = frozenset({"", "index", "indexlevel0", "unnamed0"})
_SYMBOLS = ("symbol", "ticker", "sym", "instrument")
_ADJUSTED = ("adjclose", "adjustedclose", "closeadj", "adjcloseprice")
_NO_LETTER = re.compile(r"[^a-z0-9]")
_NUMBERED = re.compile(r"^\s*\d+\.\s*")


@dataclass(frozen=True, slots=True)
class Columns:
    """Indices of columns: those that may hold the time, that of each number (volume may be missing), the symbol's.

    `notes` say what a reader of the table may not expect.
    """

    times: tuple[int, ...]
    numbers: dict[str, int]
    symbol: int | None
    notes: tuple[str, ...]


def find_columns(names: Sequence[str]) -> Columns:
    """Find the columns by their names. Raises Invalid when a field has no column, or two that cannot be told apart."""
    if len(names) > MAX_COLUMNS:
        raise refused(f"has {len(names)} columns; keep time, open, high, low, close and volume")
    plain = [_plain(name) for name in names]
    times = tuple(index for index, name in enumerate(plain) if name in _TIMES)
    times = times or tuple(index for index, name in enumerate(plain) if name in _INDEXES)[:1]
    numbers = {field: index for field in NUMBERS if (index := _column_of(field, plain, names)) is not None}
    missing = ["time"] if not times else []
    missing += [field for field in PRICES if field not in numbers]
    if missing:
        seen = ", ".join(name.strip()[:40] for name in names[:20])
        raise refused(
            f"has no column for {', '.join(missing)}: its columns are named `{seen}`; "
            "name them time, open, high, low, close and volume"
        )
    symbol = next((plain.index(name) for name in _SYMBOLS if name in plain), None)
    return Columns(times, numbers, symbol, tuple(_notes(plain, names, numbers)))


def is_header(names: Sequence[str]) -> bool:
    """Say whether a line names columns: all four prices, or a time and at least one price."""
    plain = [_plain(name) for name in names]
    prices = sum(_column_of(field, plain, None) is not None for field in PRICES)
    return prices == len(PRICES) or (prices > 0 and any(name in _TIMES for name in plain))


def unnamed_columns(width: int, clock: bool) -> Columns:
    """Return the columns of a table without names: the time, the date and the clock when `clock`, then the numbers."""
    first = 2 if clock else 1
    if width < first + len(PRICES):
        raise refused(
            "has no line that names its columns, and too few to be time, open, high, low, close, volume; "
            "begin it with such a line"
        )
    named = NUMBERS[: width - first]
    order = "date, clock" if clock else "time"
    notes = [f"No line names the columns: they were read as {order}, {', '.join(named)}"]
    if "volume" not in named:
        notes.append(NO_VOLUME)
    return Columns(tuple(range(first)), {field: first + place for place, field in enumerate(named)}, None, tuple(notes))


NO_VOLUME = "There is no volume: it is 0 on every bar"


def _column_of(field: str, plain: Sequence[str], names: Sequence[str] | None) -> int | None:
    for name in _NAMES[field]:
        found = [index for index, each in enumerate(plain) if each == name]
        if len(found) > 1 and names is not None:
            which = " and ".join(names[index].strip()[:40] for index in found[:3])
            raise refused(f"has the columns {which}, each of which could be the {field}; keep one of them")
        if found:
            return found[0]
    if field == "volume":
        return next((index for index, each in enumerate(plain) if _VOLUME_IN.fullmatch(each)), None)
    return None


def _notes(plain: Sequence[str], names: Sequence[str], numbers: dict[str, int]) -> list[str]:
    notes = []
    if "volume" not in numbers:
        notes.append(NO_VOLUME)
    for adjusted in _ADJUSTED:
        if adjusted in plain:
            name = names[plain.index(adjusted)].strip()[:40]
            notes.append(
                f"The column {name} was not used: prices are as in open, high, low and close, where a split is a jump; "
                f"to adjust them multiply each by {name} / close before the upload"
            )
            break
    for field, used in numbers.items():
        others = [
            names[index].strip()[:40] for index, each in enumerate(plain) if index != used and each in _NAMES[field]
        ]
        if others:
            notes.append(f"The {field} was read from {names[used].strip()[:40]}, not from {', '.join(others[:5])}")
    return notes


def _plain(name: str) -> str:
    return _NO_LETTER.sub("", _NUMBERED.sub("", name).lower())
