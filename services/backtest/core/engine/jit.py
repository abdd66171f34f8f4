"""How a kernel is compiled: ahead of its use, cached on disk, free of the interpreter's lock, in strict IEEE order.

No fastmath and no parallel reductions: the same bars give the same bits.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from numba import config, njit
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

K = TypeVar("K", bound=Callable[..., object])


@cache
def source_digest() -> str:
    """The SHA-256 of the source files that kernels are in: the engine's, and the sweep's beside it."""
    digest, engine = hashlib.sha256(), Path(__file__).parent
    for root in (engine, engine.parent / "sweep"):
        for path in sorted(root.rglob("*.py")):
            if "tests" not in path.relative_to(root).parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


class _WholeEngine:
    """Makes every cached kernel stale when any file of the engine changes.

    By itself, numba takes a kernel for fresh while its own file is unchanged, although the kernel holds the machine
    code of what it calls in other files.
    """

    def get_source_stamp(self) -> str:
        return source_digest()


class ChosenFolder(_WholeEngine, UserProvidedCacheLocator):
    """Kernels kept in the folder that NUMBA_CACHE_DIR names."""


class BesideSource(_WholeEngine, InTreeCacheLocator):
    """Kernels kept beside the source, as compiled Python is."""


class UserFolder(_WholeEngine, UserWideCacheLocator):
    """Kernels kept in the user's own cache, where the source cannot be written to."""


LOCATORS = ",".join(f"{__name__}.{locator.__name__}" for locator in (ChosenFolder, BesideSource, UserFolder))


def kernel(function: K) -> K:
    """Compile `function` when it is first called with a combination of types, or load it from the cache."""
    return _compiled(function, inline=False)


def inlined(function: K) -> K:
    """The same for a part of kernels, which becomes part of the machine code of each.

    A call counts the references to every array it is given, up and down, atomically; when a kernel makes thousands of
    calls a millisecond that is most of what it does.
    """
    return _compiled(function, inline=True)


def _compiled(function: K, *, inline: bool) -> K:
    settings = vars(config)
    usual = settings["CACHE_LOCATOR_CLASSES"]
    settings["CACHE_LOCATOR_CLASSES"] = LOCATORS
    try:
        return cast("K", njit(cache=True, nogil=True, error_model="numpy", forceinline=inline)(function))
    finally:
        settings["CACHE_LOCATOR_CLASSES"] = usual
