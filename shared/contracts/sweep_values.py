"""Sweeps as messages and HTTP bodies show them."""

from datetime import date, datetime
from typing import Literal

from shared.contracts.values import BacktestStatus, Execution, JsonObject, Metrics, ParamValue, Value

SweepMetric = Literal[
    "final_value",
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trades",
    "win_rate",
    "profit_factor",
]
"""What is computed for every combination; a single run has these and more."""


class SweepSample(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many combinations to draw at random; `seed` is that of the request unless it is given."""

    n: int
    seed: int | None = None


class SweepIdentity(Value, frozen=True, kw_only=True):
    """With the grid and the sample, everything that decides a sweep's numbers; see RunIdentity."""

    spec_hash: str
    dataset_sha256: str
    start: date | None
    end: date | None
    timezone: str | None = None
    execution: Execution
    engine_version: int
    seed: int


class SweepBest(Value, frozen=True, kw_only=True):
    """One of the best combinations, run once more by itself: all metrics of a backtest, and its result's digest."""

    number: int
    params: dict[str, ParamValue]
    metrics: Metrics
    warmup_bars: int
    result_digest: str


class SweepSummary(Value, frozen=True, kw_only=True):
    """A sweep as lists show it. `progress` is a fraction; `done` of its `combinations` have been computed."""

    id: str
    status: BacktestStatus
    progress: float
    owner_id: str
    strategy_id: str | None
    strategy_version: int | None
    dataset_id: str
    run_identity: SweepIdentity
    objective: SweepMetric
    combinations: int
    done: int
    result_digest: str | None
    warnings: list[str]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    revision: int


class Sweep(SweepSummary, frozen=True, kw_only=True):
    """A sweep: what was asked for, and the best of it by its objective, the best first."""

    grid: JsonObject
    sample: SweepSample | None
    best: list[SweepBest]


class SweepPage(Value, frozen=True, kw_only=True):
    """A page of sweeps."""

    items: list[SweepSummary]
    next_cursor: str | None


class SweepRow(Value, frozen=True, kw_only=True):
    """One combination: its number in the order of the grid, and its metrics, null where they are not defined.

    One that is not `valid` has none: its params make a length, a stop or an operation impossible.
    """

    number: int
    params: dict[str, ParamValue]
    metrics: Metrics
    valid: bool


class SweepRowPage(Value, frozen=True, kw_only=True):
    """A page of combinations, the best first."""

    items: list[SweepRow]
    next_cursor: str | None
