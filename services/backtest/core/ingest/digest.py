"""The name of a dataset's content."""

import hashlib

from services.backtest.core.bars import Bars


def sha256_of(bars: Bars) -> str:
    """Return the SHA-256 over the columns one after another: time, open, high, low, close, volume.

    Times are little-endian int64 nanoseconds since 1970 UTC, the rest little-endian float64, n values each. So
    `hashlib.sha256(b"".join(column.tobytes() for column in columns))` of six numpy arrays is the same.
    """
    digest = hashlib.sha256(bars.time.astype("<i8", copy=False).data)
    for column in (bars.open, bars.high, bars.low, bars.close, bars.volume):
        digest.update(column.astype("<f8", copy=False).data)
    return digest.hexdigest()
