"""How a sweep is divided: into slices of about as much work each, the same wherever they are asked for."""

SLICE_WORK = 100_000_000
"""Bars times combinations of a slice: a fraction of a second, and what is lost when its process dies."""
SLICE_MOST = 65_536
MOST_SLICES = 10_000
"""Each is a row in the database and a file; the slices of a larger sweep are larger."""


def slice_size(stop: int, bars: int, work: int = SLICE_WORK) -> int:
    """How many combinations a slice has of a sweep whose numbers end at `stop`."""
    size = max(min(work // bars, SLICE_MOST), 1)
    return size * -(-stop // (size * MOST_SLICES))
