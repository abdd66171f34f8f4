"""The table of datasets."""

from collections.abc import Mapping

import msgspec

from shared.contracts.messages import ListDatasets
from shared.contracts.objects import dataset_object, datasets_object
from shared.contracts.values import Dataset, DatasetPage
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import PageQuery

_COLUMNS = """id, name, symbol, interval, timezone, rows, first_at AS start, last_at AS "end", sha256,
       gaps, split_like_jumps, zero_volume_bars, created_at, owner_id"""

_SORT_KEYS = {"created_at": SortKey("created_at", "timestamptz")}

_INSERT = """
INSERT INTO datasets (id, owner_id, name, symbol, interval, timezone, rows, first_at, last_at, sha256,
                      gaps, split_like_jumps, zero_volume_bars, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

_READ = f"""
SELECT {_COLUMNS}, coalesce(o.version, 0) AS object_version
FROM datasets LEFT JOIN object_version AS o ON o.object = $3
WHERE id = $1 AND owner_id = $2
"""  # noqa: S608  # our own columns


async def insert_dataset(connection: Connection, dataset: Dataset, owner_id: str) -> None:
    """Store a dataset's description."""
    quality = dataset.quality
    await connection.execute(
        _INSERT,
        dataset.id,
        owner_id,
        dataset.name,
        dataset.symbol,
        dataset.interval,
        dataset.timezone,
        dataset.rows,
        dataset.start,
        dataset.end,
        dataset.sha256,
        quality.gaps,
        quality.split_like_jumps,
        quality.zero_volume_bars,
        dataset.created_at,
    )


async def read_dataset(connection: Connection, dataset_id: str, owner_id: str) -> tuple[Dataset, int] | None:
    """Return an owner's dataset and its object version."""
    row = await connection.fetchrow(_READ, dataset_id, owner_id, dataset_object(dataset_id))
    return None if row is None else (_dataset(dict(row)), row["object_version"])


async def list_datasets(connection: Connection, owner_id: str, asked: ListDatasets) -> tuple[DatasetPage, int]:
    """Return a page of an owner's datasets, newest first, and the object version of the list. Raises Malformed."""
    query = PageQuery(datasets_keyset(owner_id), datasets_object(owner_id), asked.cursor, asked.limit)
    page = await query.fetch(connection, query.walk("datasets", _COLUMNS, {"owner_id": owner_id}))
    items = [_dataset(row) for row in page.rows]
    return DatasetPage(items=items, next_cursor=page.next_cursor), page.version


def datasets_keyset(owner_id: str) -> Keyset:
    """Return the order of an owner's datasets: the newest first."""
    return Keyset(_SORT_KEYS, "-created_at", [owner_id])


def _dataset(row: Mapping[str, object]) -> Dataset:
    return msgspec.convert({**row, "quality": row}, Dataset)
