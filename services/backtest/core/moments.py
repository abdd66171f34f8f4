"""Moments as Python has them, from the nanoseconds that arrays hold."""

from datetime import UTC, datetime

from services.backtest.core.engine.dtypes import Ints


def moments(nanoseconds: Ints) -> list[datetime]:
    """Return aware datetimes of nanoseconds since 1970 UTC, to the microsecond, which is as far as they go."""
    naive: list[datetime] = (nanoseconds // 1000).astype("datetime64[us]").tolist()
    return [moment.replace(tzinfo=UTC) for moment in naive]
