"""`python -m bench.indexes`: each query with its index and without it."""

import asyncpg
import pytest

from bench.indexes import CHOSEN, compare_all, table
from bench.query_plans.rows import INDEXES

pytestmark = pytest.mark.integration


async def test_what_an_index_saves_is_measured_and_the_index_stays(loaded_url: str) -> None:
    """Without its index each of the queries touches more pages than with it; afterwards all indexes are there."""
    compared = await compare_all(loaded_url, 1)
    assert [each.query.name for each in compared] == list(CHOSEN)
    for each in compared:
        [on], [off] = each.with_it, each.without
        assert each.index in on.indexes, each.query.name
        assert each.index not in off.indexes, each.query.name
        assert off.rows > on.rows or off.buffers > on.buffers, each.query.name
    connection = await asyncpg.connect(loaded_url)
    try:
        assert set(CHOSEN.values()) <= {row["index"] for row in await connection.fetch(INDEXES)}
    finally:
        await connection.close()
    assert all(f"| {name} | `{index}` |" in table(compared) for name, index in CHOSEN.items())
