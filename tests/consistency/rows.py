"""What the database holds of everything that the load writes, read with plain SQL."""

import json
from typing import Any

import asyncpg

from tests.consistency.checker.history import Row
from tests.consistency.shown import account_mark, run_mark, spec_mark

_STRATEGIES = """
SELECT s.id, s.owner_id, s.name, s.revision, o.version
FROM strategy.strategies AS s JOIN strategy.object_version AS o ON o.object = 'strategy:' || s.id
"""
_VERSIONS = """
SELECT s.id, s.owner_id, v.version AS revision, v.version, v.spec
FROM strategy.strategies AS s JOIN strategy.strategy_versions AS v ON v.strategy_id = s.id ORDER BY v.version
"""
_ACCOUNTS = """
SELECT u.id, u.name, u.role, u.is_active, u.revision, o.version
FROM strategy.users AS u JOIN strategy.object_version AS o ON o.object = 'user:' || u.id
"""
_DATASETS = """
SELECT d.id, d.owner_id, d.name, 1 AS revision, o.version
FROM backtest.datasets AS d JOIN backtest.object_version AS o ON o.object = 'dataset:' || d.id
"""
_RUNS = """
SELECT b.id, b.owner_id, b.status, b.run_identity, b.revision, o.version
FROM backtest.backtests AS b JOIN backtest.object_version AS o ON o.object = 'backtest:' || b.id
"""
_SWEEPS = """
SELECT s.id, s.owner_id, s.status, s.run_identity, s.revision, o.version
FROM backtest.sweeps AS s JOIN backtest.object_version AS o ON o.object = 'sweep:' || s.id
"""
_UNFINISHED = """
SELECT (SELECT count(*) FROM backtest.backtests WHERE status IN ('queued', 'running'))
    + (SELECT count(*) FROM backtest.sweeps WHERE status IN ('queued', 'running'))
"""


async def read_rows(url: str, owners: dict[str, str]) -> list[Row]:
    """Return them; `owners` are the names of those whose they are, by id. Of others nothing is read.

    Of a key that has several, as a strategy's versions are, the newest comes last.
    """
    connection = await asyncpg.connect(url)
    try:
        rows: list[Row] = []
        for found in await connection.fetch(_STRATEGIES):
            rows += _row("strategy", found, found["owner_id"], found["name"], owners)
        for found in await connection.fetch(_VERSIONS):
            rows += _row("versions", found, found["owner_id"], spec_mark(json.loads(found["spec"])), owners)
        for found in await connection.fetch(_ACCOUNTS):
            rows += _row("user", found, found["id"], account_mark(dict(found)), owners)
        for found in await connection.fetch(_DATASETS):
            rows += _row("dataset", found, found["owner_id"], found["name"], owners)
        for kind, runs in (("backtest", _RUNS), ("sweep", _SWEEPS)):
            for found in await connection.fetch(runs):
                run = {"run_identity": json.loads(found["run_identity"]), "status": found["status"]}
                rows += _row(kind, found, found["owner_id"], run_mark(run), owners)
        return rows
    finally:
        await connection.close()


async def unfinished_runs(url: str) -> int:
    """Return how many runs and sweeps have not come to their end."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(_UNFINISHED))
    finally:
        await connection.close()


def _row(kind: str, found: Any, owner: Any, mark: str, owners: dict[str, str]) -> list[Row]:
    if str(owner) not in owners:
        return []
    return [Row(f"{kind}:{found['id']}", owners[str(owner)], found["revision"], mark, found["version"])]
