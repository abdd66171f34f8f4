"""Floors that nobody stands behind: of a writer that died between its raise and its commit."""

from typing import Final

ORPHAN_AFTER_MS: Final = 30_000
"""How long after the last raise of an object its writers have surely ended. A transaction may take 5 s."""


def lease_of(lineage: str, now_ms: int) -> str:
    """Return the lease of a reader who missed: the head's lineage, and the server's time, in ms."""
    return f"{lineage}@{now_ms}"


def read_lease(lease: str) -> tuple[str, int]:
    """Return lineage and time of a lease; one that cannot be read fits no head."""
    lineage, _, taken = lease.partition("@")
    return (lineage, int(taken)) if taken.isdecimal() else ("", 0)


def is_orphan(touched_ms: int, taken_ms: int) -> bool:
    """Tell whether a floor above what the database answered to the reader with this lease is nobody's.

    By the time the lease was given, before the database was read, every writer who had raised the object had ended.
    Had one committed, the reader would have seen its version.
    """
    return taken_ms - touched_ms > ORPHAN_AFTER_MS
