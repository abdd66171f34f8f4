"""Requests about sweeps; `messages` has them all."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from shared.contracts import sweep_values, values
from shared.contracts.request import Cursor, Limit, Request, TableForm
from shared.contracts.sweep_values import SweepMetric
from shared.contracts.values import JsonObject


class CreateSweep(Request[sweep_values.Sweep], frozen=True, kw_only=True):
    """Queue runs of one strategy on one dataset with every combination of params that `grid` and `sample` name."""

    SERVICE = "backtest"
    METHOD = "sweep.create"
    dataset_id: str
    strategy_id: str | None = None
    strategy_version: Annotated[int, Meta(ge=1)] | None = None
    spec: JsonObject | None = None
    grid: JsonObject
    sample: sweep_values.SweepSample | None = None
    objective: SweepMetric = "sharpe"
    start: date | None = None
    end: date | None = None
    execution: values.Execution = values.Execution()
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0


class ReadSweep(Request[sweep_values.Sweep], frozen=True, kw_only=True):
    """Read one sweep of the caller's."""

    SERVICE = "backtest"
    METHOD = "sweep.read"
    id: str


class ListSweeps(Request[sweep_values.SweepPage], frozen=True, kw_only=True):
    """Page through the caller's sweeps, newest first."""

    SERVICE = "backtest"
    METHOD = "sweep.list"
    limit: Limit = 50
    cursor: Cursor | None = None
    status: values.BacktestStatus | None = None
    strategy_id: str | None = None
    dataset_id: str | None = None


class ListSweepResults(Request[sweep_values.SweepRowPage], frozen=True, kw_only=True):
    """Page through a succeeded sweep's combinations: the best by `metric` first, by the objective unless it is given.

    Those without it come last; equals are in the order of the grid.
    """

    SERVICE = "backtest"
    METHOD = "sweep.results"
    id: str
    metric: SweepMetric | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ExportSweepResults(Request[values.Export], frozen=True, kw_only=True):
    """Make a file of all combinations in the order of the grid; who asked fetches and deletes it."""

    SERVICE = "backtest"
    METHOD = "sweep.export"
    id: str
    form: TableForm


class CancelSweep(Request[sweep_values.Sweep], frozen=True, kw_only=True):
    """End a sweep that waits or goes on; one that is cancelled already stays so."""

    SERVICE = "backtest"
    METHOD = "sweep.cancel"
    id: str


class DeleteSweep(Request[None], frozen=True, kw_only=True):
    """Delete a sweep with its results; one that is not done is cancelled with it."""

    SERVICE = "backtest"
    METHOD = "sweep.delete"
    id: str
    if_revision: tuple[int, ...] | None = None


SWEEP_REQUESTS: tuple[type[Request[object]], ...] = (
    CreateSweep,
    ReadSweep,
    ListSweeps,
    ListSweepResults,
    ExportSweepResults,
    CancelSweep,
    DeleteSweep,
)
