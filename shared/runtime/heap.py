"""What a process needs once, or now and then, is given back to the system: large blocks, and code.

By itself glibc learns from each large block that is freed to keep ones of that size, up to 32 MiB, in the heap of the
thread that freed it. A process that needs some now and then (a password's hash takes 19 MiB, an answer or a column of
bars as much) holds one for each of its threads from then on.
"""

import ctypes
from collections.abc import Iterable, Iterator
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
_MADV_DONTNEED = 4  # madvise(2)
_MAPS = Path("/proc/self/maps")

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


def give_back_code(library: str) -> None:
    """Let go of the pages with the code of a shared library, by a part of its file's name; Linux alone.

    It can be called as before: what is called is mapped again from its file, page by page.
    """
    if _MAPS.exists():
        madvise = ctypes.CDLL(None).madvise
        for begin, end in code_of(library, _MAPS.read_text().splitlines()):
            madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


def code_of(library: str, maps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the address ranges of a library's code, from the lines of proc_pid_maps(5).

    Only what is executed and cannot be written, so that it is as it is in the file: other segments, read-only ones
    too, hold what the linker has written into them.
    """
    for line in maps:
        addresses, permissions, _, _, inode, *name = line.split(maxsplit=5)
        if permissions == "r-xp" and inode != "0" and name and library in name[0].rpartition("/")[2]:
            begin, _, end = addresses.partition("-")
            yield int(begin, 16), int(end, 16)
