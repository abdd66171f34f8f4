"""How the C library's heap treats large blocks: those that are freed go back to the system.

By itself glibc learns from each large block that is freed to keep ones of that size, up to 32 MiB, in the heap of the
thread that freed it. A process that needs some now and then (a password's hash takes 19 MiB, an answer or a column of
bars as much) holds one for each of its threads from then on.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)

BLOCK_BYTES = 4 * 1024**2
"""What is larger is mapped, and unmapped when it is freed; asking for it costs a page fault per 4 KiB."""
KEPT_BYTES = 8 * 1024**2
"""What the end of the heap may hold that is free: asking for it anew for every request would cost as much."""


def give_back_large_blocks() -> None:
    """Set both for this process, once, before it has threads; a no-op with another C library than glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, BLOCK_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
