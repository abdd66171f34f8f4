"""Every index that the backtest service's tables have after the newest revision."""

from collections.abc import Iterator, Mapping
from itertools import product

from shared.runtime.care.declared import SHARED, Index, index, primary_key, unique_key

# What a list is filtered by, then its order; see the revisions 0002 and 0007.
_FILTERS = {
    "": "owner_id",
    "strategy_": "strategy_id, owner_id",
    "dataset_": "dataset_id, owner_id",
    "strategy_and_dataset_": "strategy_id, dataset_id, owner_id",
}
_TIMES = {"created_at": "created_at", "status": "status, created_at"}
_METRICS = {
    "final_value": "final_value",
    "total_return": "total_return",
    "sharpe": "((sharpe IS NULL)), COALESCE(sharpe, (0)::double precision)",
}


def _lists(table: str, orders: Mapping[str, str], where: str = "") -> Iterator[Index]:
    for (filters, columns), (key, order) in product(_FILTERS.items(), orders.items()):
        yield index(f"{table}_by_{filters}{key}", table, f"{columns}, {order}, id", where=where)


INDEXES: tuple[Index, ...] = (
    *SHARED,
    primary_key("datasets", "id"),
    index("datasets_by_created_at", "datasets", "owner_id, created_at, id"),
    index("datasets_by_sha256", "datasets", "sha256"),
    primary_key("backtests", "id"),
    *_lists("backtests", _TIMES),
    *_lists("backtests", _METRICS, "(final_value IS NOT NULL)"),
    index(
        "backtests_by_identity",
        "backtests",
        "owner_id, identity_digest, id",
        where="((final_value IS NOT NULL) AND (identity_digest IS NOT NULL))",
    ),
    primary_key("sweeps", "id"),
    *_lists("sweeps", _TIMES),
    primary_key("validations", "id"),
    index("validations_by_created_at", "validations", "owner_id, created_at, id"),
    index("validations_by_strategy", "validations", "strategy_id, owner_id, created_at, id"),
    index("validations_by_dataset", "validations", "dataset_id"),
    primary_key("gate_results", "id"),
    index("gate_results_by_strategy", "gate_results", "strategy_id, owner_id, gate, created_at, id"),
    primary_key("prefix_tests", "id"),
    unique_key("prefix_tests", "owner_id", "spec_hash", "engine_version"),
    primary_key("jobs", "subject, kind, part"),
    index(
        "jobs_waiting",
        "jobs",
        "owner_id, urgency, created_at, subject, part",
        where="((NOT ended) AND (lease_until IS NULL) AND (urgency < 3))",
    ),
    index("jobs_of_care", "jobs", "created_at", where="((NOT ended) AND (lease_until IS NULL) AND (urgency = 3))"),
    index("jobs_taken", "jobs", "lease_until", where="((NOT ended) AND (lease_until IS NOT NULL))"),
    index("jobs_by_end", "jobs", "ended_at", where="ended"),
)
