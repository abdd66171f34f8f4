"""What the database holds when all is quiet, read with plain SQL."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

Row = Mapping[str, Any]
SCHEMAS = ("strategy", "backtest")


@dataclass(slots=True)
class Snapshot:
    """Rows by id; versions by object, over both schemas; for each stream its last sequence and its outbox rows.

    `outbox` is by stream and sequence, as far as rows are kept; `unpublished` are those that no stream has.
    """

    strategies: dict[str, Row] = field(default_factory=dict)
    datasets: dict[str, Row] = field(default_factory=dict)
    backtests: dict[str, Row] = field(default_factory=dict)
    sweeps: dict[str, Row] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    outbox: dict[tuple[str, int], str] = field(default_factory=dict)
    unpublished: list[Row] = field(default_factory=list)


_STRATEGIES = "SELECT id, owner_id, name, description, revision, version FROM strategy.strategies"
_DATASETS = "SELECT id, owner_id, name, sha256 FROM backtest.datasets"
_RUNS = "SELECT id, owner_id, status, error, result_digest, revision, run_identity, spec FROM backtest.backtests"
_SWEEPS = "SELECT id, owner_id, status, error, result_digest, revision, run_identity, spec, grid FROM backtest.sweeps"


async def read_snapshot(url: str) -> Snapshot:
    """Read it, in one transaction a schema is not divided by."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = Snapshot(
                strategies=await _rows(connection, _STRATEGIES),
                datasets=await _rows(connection, _DATASETS),
                backtests=await _rows(connection, _RUNS),
                sweeps=await _rows(connection, _SWEEPS),
            )
            for schema in SCHEMAS:
                for row in await connection.fetch(f"SELECT object, version FROM {schema}.object_version"):
                    snapshot.versions[row["object"]] = row["version"]
                for row in await connection.fetch(f"SELECT stream, last FROM {schema}.stream_sequence"):
                    snapshot.sequences[row["stream"]] = row["last"]
                columns = "stream, sequence, event_id, subject, type, published_at IS NOT NULL AS published"
                for row in await connection.fetch(f"SELECT {columns} FROM {schema}.outbox"):
                    if row["sequence"] is not None:
                        snapshot.outbox[row["stream"], row["sequence"]] = row["event_id"]
                    if not row["published"]:
                        snapshot.unpublished.append(dict(row))
        return snapshot
    finally:
        await connection.close()


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]", query: str) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for record in await connection.fetch(query):
        row: dict[str, Any] = {
            name: str(value) if name in {"id", "owner_id"} else value for name, value in record.items()
        }
        for name in ("run_identity", "spec", "grid"):
            if name in row:
                row[name] = json.loads(row[name])
        rows[row["id"]] = row
    return rows
