"""Deleting the bars of a content that no dataset has: with the last dataset, and what a death left behind."""

from collections.abc import Sequence

from services.backtest.files.dataset_file import content_of, dataset_key
from services.backtest.store.datasets import content_in_use, lock_content, spare_contents
from shared.runtime.database import Database
from shared.runtime.objects import Objects


async def delete_bars(database: Database, objects: Objects, sha256: str) -> bool:
    """Delete the bars of a content when there is no dataset of it; say whether there was none. Raises Unavailable.

    An upload of the same bars either has its row by then, or finds the file gone and stores it again.
    """
    async with database.transaction() as connection:
        await lock_content(connection, sha256)
        if await content_in_use(connection, sha256):
            return False
        await objects.delete(dataset_key(sha256))
        return True


async def delete_spare_bars(database: Database, objects: Objects, keys: Sequence[str]) -> int:
    """Delete those of these files that belong to no dataset; returns how many. Raises Unavailable."""
    contents = [content for key in keys if (content := content_of(key))]
    async with database.reading() as connection:
        spare = await spare_contents(connection, contents)
    return sum([await delete_bars(database, objects, content) for content in spare])
