"""Times on the clocks of a market."""

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LIMIT = 2**63 - 1


def moment(nanoseconds: int, zone: tzinfo) -> datetime:
    """The time in `zone`, to the microsecond."""
    return (EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)).astimezone(zone)


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970 UTC, no further than 64 bits of them reach."""
    return max(-LIMIT, min(LIMIT, (moment - EPOCH) // timedelta(microseconds=1) * 1000))


def shown(nanoseconds: int, zone: tzinfo) -> str:
    """A time to read: the date alone at midnight."""
    at = moment(nanoseconds, zone)
    return at.strftime("%Y-%m-%d" if (at.hour, at.minute, at.second) == (0, 0, 0) else "%Y-%m-%d %H:%M:%S")
