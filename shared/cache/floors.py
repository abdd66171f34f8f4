"""The port of those who write: raise the floors of what a transaction changes before it commits."""

from collections.abc import Mapping
from typing import Protocol


class Floors(Protocol):
    """Objects are `type:id`, versions those that the transaction has given them, `writer` a name of it alone.

    In this order: the transaction locks and raises its rows in `object_version`; `raise_`; COMMIT. Then no reader who
    asks after the commit is served less. When it rolls back after `raise_` has returned True: `take_back`.
    """

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Raise the floor of each object to its version, and tell the feed.

        True: answered for all of them, and may be taken back. It is answered too while the cache is closed: nobody is
        served then, and who opens it waits for this transaction. False: there is no cache.
        Raises CacheUnavailable when it was not answered in time, and may still be carried out: do not take it back;
        ValueError for an object or a version that cannot be.
        """

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Undo a `raise_` that returned True and whose transaction has rolled back. Never fails.

        Where it does not arrive, or another writer has raised the floor since, the object is read past the cache
        until its next write, or until the floor is found to be an orphan.
        """
