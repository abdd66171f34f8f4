"""What is told of a dataset besides its bars."""

from zoneinfo import ZoneInfo

import msgspec

from services.backtest.core.ingest.digest import sha256_of
from services.backtest.core.ingest.interval import interval_of
from services.backtest.core.ingest.quality import quality_of
from services.backtest.core.ingest.upload import Upload
from shared.contracts.values import Quality


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """`first` and `last` are the times of the first and the last bar in nanoseconds since 1970 UTC."""

    rows: int
    first: int
    last: int
    interval: str
    sha256: str
    quality: Quality
    notes: list[str]
    symbol: str | None


def describe(upload: Upload, interval: str | None, zone: ZoneInfo) -> Description:
    """Describe an upload. Raises Invalid for an interval that does not fit its bars, or that must be stated."""
    bars = upload.bars
    found = interval_of(bars.time, interval)
    return Description(
        rows=len(bars),
        first=int(bars.time[0]),
        last=int(bars.time[-1]),
        interval=found,
        sha256=sha256_of(bars),
        quality=quality_of(bars, found, zone),
        notes=list(upload.notes),
        symbol=upload.symbol,
    )
