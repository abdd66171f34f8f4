"""The table of datasets. One that is deleted while something refers to it keeps its row, but is nobody's any more."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.contracts.messages import ListDatasets
from shared.contracts.objects import dataset_object, datasets_object
from shared.contracts.values import Dataset, DatasetPage
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import PageQuery

_COLUMNS = """id, name, symbol, interval, timezone, rows, first_at AS start, last_at AS "end", sha256,
       gaps, weekends, session_gaps, split_like_jumps, zero_volume_bars, notes, created_at, owner_id"""

_SORT_KEYS = {"created_at": SortKey("created_at", "timestamptz")}

_INSERT = """
INSERT INTO datasets (id, owner_id, name, symbol, interval, timezone, rows, first_at, last_at, sha256,
                      gaps, weekends, session_gaps, split_like_jumps, zero_volume_bars, notes, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""

_READ = f"""
SELECT {_COLUMNS}, coalesce(o.version, 0) AS object_version
FROM datasets LEFT JOIN object_version AS o ON o.object = $3
WHERE id = $1 AND owner_id = $2
"""  # noqa: S608  # our own columns

# Until the transaction ends nobody can begin to refer to it.
_LOCK = "SELECT sha256 FROM datasets WHERE id = $1 AND owner_id = $2 FOR UPDATE"

# Whoever stores a dataset of some content, or deletes the file of it, has that content to itself until COMMIT.
_LOCK_CONTENT = "SELECT pg_advisory_xact_lock(hashtextextended('dataset ' || $1, 0))"

# The nil UUID (RFC 9562, section 5.9), which no account has.
NOBODY = "00000000-0000-0000-0000-000000000000"
"""Whose a dataset is that was deleted while something referred to it."""

_IN_USE = f"SELECT EXISTS (SELECT FROM datasets WHERE sha256 = $1 AND owner_id <> '{NOBODY}')"  # noqa: S608  # our own
_SPARE = f"""
SELECT sha256 FROM unnest($1::text[]) AS content (sha256)
WHERE NOT EXISTS (SELECT FROM datasets AS d WHERE d.sha256 = content.sha256 AND owner_id <> '{NOBODY}')
"""  # noqa: S608  # our own
_DISOWN = f"UPDATE datasets SET owner_id = '{NOBODY}' WHERE id = $1"  # noqa: S608  # our own


MOST_COUNTED = 1000


class References(msgspec.Struct, frozen=True):
    """How many rows of other tables name a dataset; of more than MOST_COUNTED, one more than that."""

    backtests: int
    sweeps: int
    validations: int

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.backtests or self.sweeps or self.validations)


_COUNT = f"""
SELECT (SELECT count(*) FROM (SELECT FROM backtests WHERE dataset_id = $1 LIMIT {MOST_COUNTED + 1}) AS counted)
       AS backtests,
       (SELECT count(*) FROM (SELECT FROM sweeps WHERE dataset_id = $1 LIMIT {MOST_COUNTED + 1}) AS counted)
       AS sweeps,
       (SELECT count(*) FROM (SELECT FROM validations WHERE dataset_id = $1 LIMIT {MOST_COUNTED + 1}) AS counted)
       AS validations
"""  # noqa: S608  # a number of our own


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
        quality.weekends,
        quality.session_gaps,
        quality.split_like_jumps,
        quality.zero_volume_bars,
        dataset.notes,
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


async def lock_dataset(connection: Connection, dataset_id: str, owner_id: str) -> str | None:
    """Return the sha256 of an owner's dataset, locked until the transaction ends."""
    sha256 = await connection.fetchval(_LOCK, dataset_id, owner_id)
    return None if sha256 is None else str(sha256)


async def count_references(connection: Connection, dataset_id: str) -> References:
    """Count what names a dataset, locked before."""
    row = await connection.fetchrow(_COUNT, dataset_id)
    return msgspec.convert(dict(row or {}), References)


async def delete_dataset(connection: Connection, dataset_id: str) -> None:
    """Delete the row of a dataset, locked before, that nothing refers to."""
    await connection.execute("DELETE FROM datasets WHERE id = $1", dataset_id)


async def disown_dataset(connection: Connection, dataset_id: str) -> None:
    """Take a dataset, locked before, from its owner: what refers to it keeps its foreign key, and nobody sees it."""
    await connection.execute(_DISOWN, dataset_id)


async def lock_content(connection: Connection, sha256: str) -> None:
    """Have the datasets of this content, and their file, to oneself until the transaction ends."""
    await connection.execute(_LOCK_CONTENT, sha256)


async def content_in_use(connection: Connection, sha256: str) -> bool:
    """Say whether there is a dataset of this content. Lock the content before."""
    return bool(await connection.fetchval(_IN_USE, sha256))


async def spare_contents(connection: Connection, contents: Sequence[str]) -> list[str]:
    """Return those of these contents that no dataset has, as it is now: lock each before it is deleted."""
    return [row["sha256"] for row in await connection.fetch(_SPARE, contents)]


def _dataset(row: Mapping[str, object]) -> Dataset:
    return msgspec.convert({**row, "quality": row}, Dataset)
