"""How many entries of a stream a consumer group has not been given."""


def entries_behind(ids: str, newest: bytes, delivered: bytes, counted: int | None) -> int | None:
    """Return the number of entries after `delivered`, or None when nobody can tell.

    The server counts only what it numbered itself. In streams with ids `<sequence>-0` the sequences are dense, so
    that their difference is the count.
    """
    if ids == "<sequence>-0":
        return max(0, _sequence(newest) - _sequence(delivered))
    return counted


def _sequence(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])
