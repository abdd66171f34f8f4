"""How far a consumer group is behind: the entries it has not been given, and how long it has owed others."""


def entries_behind(ids: str, newest: bytes, delivered: bytes, counted: int | None) -> int | None:
    """Return the number of entries after `delivered`, or None when nobody can tell.

    The server counts only what it numbered itself. In streams with ids `<sequence>-0` the sequences are dense, so
    that their difference is the count.
    """
    if ids == "<sequence>-0":
        return max(0, _sequence(newest) - _sequence(delivered))
    return counted


def seconds_since(entry_id: bytes, now: float) -> float:
    """Return the age of an entry whose id the server made of its time; `now` is that server's, in Unix seconds."""
    return max(0.0, now - int(entry_id.partition(b"-")[0]) / 1000)


def _sequence(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])
