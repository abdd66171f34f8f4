"""Validations and gate results; one index for each list: any filters together, any order."""

from collections.abc import Iterator
from itertools import product

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = (
    # Columns that backtests have too mean the same here. `request` is what was asked for: windows, grid, seed.
    """
    CREATE TABLE validations (
        id               uuid PRIMARY KEY,
        owner_id         uuid NOT NULL,
        strategy_id      uuid NOT NULL,
        strategy_version integer NOT NULL CHECK (strategy_version > 0),
        dataset_id       uuid NOT NULL REFERENCES datasets,
        method           text NOT NULL CHECK (method IN ('walk_forward', 'cpcv', 'bootstrap')),
        spec             json NOT NULL,
        request          json NOT NULL,
        status           text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
        progress         float8 NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
        warnings         text[] NOT NULL DEFAULT '{}',
        error            text,
        result           json,
        result_digest    text,
        result_key       text,
        revision         integer NOT NULL DEFAULT 1 CHECK (revision > 0),
        created_at       timestamptz NOT NULL,
        started_at       timestamptz,
        finished_at      timestamptz,
        lease            integer NOT NULL DEFAULT 0,
        lease_until      timestamptz,
        attempts         integer NOT NULL DEFAULT 0,
        CHECK (status <> 'running' OR lease_until IS NOT NULL),
        CHECK (status <> 'failed' OR error IS NOT NULL),
        CHECK (status <> 'succeeded' OR num_nulls(result, result_digest, result_key) = 0)
    )
    """,
    # Those that have metrics are those that succeeded. Without statistics a planner takes one row in 200 to be so, but
    # nearly all not to be NULL, and so lists by a metric ask for the latter.
    "ALTER TABLE backtests ADD CONSTRAINT metrics_of_success CHECK (status = 'succeeded' OR final_value IS NULL)",
    # `checks` holds what was looked at, with the digests: a result stays what it was when a run it rests on is deleted.
    """
    CREATE TABLE gate_results (
        id               uuid PRIMARY KEY,
        owner_id         uuid NOT NULL,
        strategy_id      uuid NOT NULL,
        strategy_version integer NOT NULL CHECK (strategy_version > 0),
        gate             text NOT NULL CHECK (gate IN ('dev', 'crv', 'product')),
        policy_version   integer NOT NULL CHECK (policy_version > 0),
        passed           boolean NOT NULL,
        checks           json NOT NULL,
        created_at       timestamptz NOT NULL
    )
    """,
)

# A list is walked along the columns of its filters, then its sort key, then id: all in one direction, so that the other
# one is the same index read backwards. Sharpe ratios can be NULL, and NULLs come last either way.
INDEXES = (
    "DROP INDEX datasets_by_created_at",
    "CREATE INDEX datasets_by_created_at ON datasets (owner_id, created_at, id)",
    """
    DROP INDEX backtests_by_created_at, backtests_by_status, backtests_by_strategy, backtests_by_dataset,
               backtests_by_final_value, backtests_by_total_return, backtests_by_sharpe, backtests_by_sharpe_rising
    """,
    "CREATE INDEX validations_by_created_at ON validations (owner_id, created_at, id)",
    "CREATE INDEX validations_by_strategy ON validations (strategy_id, owner_id, created_at, id)",
    "CREATE INDEX validations_by_dataset ON validations (dataset_id)",
    "CREATE INDEX gate_results_by_strategy ON gate_results (strategy_id, owner_id, gate, created_at, id)",
)
# What backtests can be filtered by. The owner comes last, so that what is found by a strategy or a dataset
# alone, as the rows of a foreign key are, is found by these as well.
FILTERS = {
    "": "owner_id",
    "strategy_": "strategy_id, owner_id",
    "dataset_": "dataset_id, owner_id",
    "strategy_and_dataset_": "strategy_id, dataset_id, owner_id",
}
KEYS = {
    "created_at": "created_at",
    "status": "status, created_at",
    "final_value": "final_value",
    "total_return": "total_return",
    "sharpe": "(sharpe IS NULL), coalesce(sharpe, 0)",
}
METRICS = ("final_value", "total_return", "sharpe")


def indexes_of_backtests() -> Iterator[str]:
    for (filters, columns), (key, order) in product(FILTERS.items(), KEYS.items()):
        measured = "WHERE final_value IS NOT NULL" if key in METRICS else ""
        yield f"CREATE INDEX backtests_by_{filters}{key} ON backtests ({columns}, {order}, id) {measured}"


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES, *indexes_of_backtests()):
        op.execute(statement)
