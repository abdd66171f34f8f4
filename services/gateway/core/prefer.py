"""The Prefer header (RFC 7240): how long a client will wait for a result."""

import re

MAX_WAIT = 30

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:[,;]|$)", re.IGNORECASE)


def wait_seconds(header: str) -> int:
    """Return the seconds of `wait=N`, MAX_WAIT at most; 0 when the header has none."""
    found = _WAIT.search(header)
    return min(int(found[1]), MAX_WAIT) if found else 0
