"""What a report needs to know of a run besides the run itself."""

import msgspec

from shared.contracts.values import JsonObject
from shared.runtime.database import Connection

_READ = """
SELECT b.spec, d.name, d.symbol, d.interval, d.timezone
FROM backtests AS b LEFT JOIN datasets AS d ON d.id = b.dataset_id AND d.owner_id = b.owner_id
WHERE b.id = $1 AND b.owner_id = $2
"""


class Described(msgspec.Struct, frozen=True):
    """The strategy that ran and the dataset it ran on, whose fields are None when it has been deleted."""

    spec: JsonObject
    name: str | None
    symbol: str | None
    interval: str | None
    timezone: str | None


async def read_described(connection: Connection, backtest_id: str, owner_id: str) -> Described | None:
    """Return what an owner's run was made of."""
    row = await connection.fetchrow(_READ, backtest_id, owner_id)
    return None if row is None else msgspec.convert(dict(row), Described)
