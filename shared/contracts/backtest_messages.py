"""Requests about specs, datasets and runs; `messages` has them all."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from shared.contracts import values
from shared.contracts.request import Cursor, Limit, Request, TableForm
from shared.contracts.values import JsonObject, Name


class ValidateSpec(Request[values.SpecReport], frozen=True, kw_only=True):
    """Parse and type-check a spec without storing it."""

    SERVICE = "backtest"
    METHOD = "spec.validate"
    spec: object


class AcceptSpec(Request[values.SpecReport], frozen=True, kw_only=True):
    """Parse and type-check a spec that is to be a version of a strategy's, and have its prefix test run."""

    SERVICE = "backtest"
    METHOD = "spec.accept"
    spec: JsonObject


class ReadPrefixTest(Request[values.PrefixTest], frozen=True, kw_only=True):
    """Read what came of the prefix test of a strategy of the caller's; `version` asks for an earlier spec."""

    SERVICE = "backtest"
    METHOD = "prefix_test.read"
    id: str
    version: int | None = None


class ListIndicators(Request[values.IndicatorPage], frozen=True, kw_only=True):
    """Describe every function that a spec may call."""

    SERVICE = "backtest"
    METHOD = "indicator.list"


class IngestDataset(Request[values.Dataset], frozen=True, kw_only=True):
    """Validate and store the bars that were uploaded to the object store under `upload_key`.

    `content_sha256` is that of the upload, when the request has an Idempotency-Key: a repeat is another upload.
    """

    SERVICE = "backtest"
    METHOD = "dataset.ingest"
    INCIDENTAL = frozenset({"upload_key"})
    upload_key: str
    content_sha256: str = ""
    filename: str
    name: Name | None = None
    symbol: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    interval: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}[smhdw]$")] | None = None
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"


class ReadDataset(Request[values.Dataset], frozen=True, kw_only=True):
    """Read one dataset's description."""

    SERVICE = "backtest"
    METHOD = "dataset.read"
    id: str


class ListDatasets(Request[values.DatasetPage], frozen=True, kw_only=True):
    """Page through the caller's datasets, newest first."""

    SERVICE = "backtest"
    METHOD = "dataset.list"
    limit: Limit = 50
    cursor: Cursor | None = None


class DeleteDataset(Request[None], frozen=True, kw_only=True):
    """Delete a dataset. What still refers to it is in the way, unless `force`."""

    SERVICE = "backtest"
    METHOD = "dataset.delete"
    id: str
    force: bool = False


class ListBars(Request[values.BarPage], frozen=True, kw_only=True):
    """Page through a dataset's bars, from the day `start` to the day `end` in its time zone, both inclusive."""

    SERVICE = "backtest"
    METHOD = "dataset.bars"
    id: str
    start: date | None = None
    end: date | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ExportBars(Request[values.Export], frozen=True, kw_only=True):
    """Make a file of a dataset's bars, all or from `start` to `end`; who asked fetches and deletes it."""

    SERVICE = "backtest"
    METHOD = "dataset.export"
    id: str
    form: TableForm
    start: date | None = None
    end: date | None = None


class CreateBacktest(Request[values.Backtest], frozen=True, kw_only=True):
    """Queue a run of a stored strategy, or of a spec given in place of one, on a dataset."""

    SERVICE = "backtest"
    METHOD = "backtest.create"
    dataset_id: str
    strategy_id: str | None = None
    strategy_version: Annotated[int, Meta(ge=1)] | None = None
    spec: JsonObject | None = None
    params: dict[str, values.ParamValue] = {}
    start: date | None = None
    end: date | None = None
    execution: values.Execution = values.Execution()


class ReadBacktest(Request[values.Backtest], frozen=True, kw_only=True):
    """Read one run of the caller's."""

    SERVICE = "backtest"
    METHOD = "backtest.read"
    id: str


BacktestSort = Literal[
    "created_at",
    "-created_at",
    "final_value",
    "-final_value",
    "sharpe",
    "-sharpe",
    "total_return",
    "-total_return",
]


class ListBacktests(Request[values.BacktestPage], frozen=True, kw_only=True):
    """Page through the caller's runs. Sorting by a metric lists succeeded runs only, those without it last."""

    SERVICE = "backtest"
    METHOD = "backtest.list"
    limit: Limit = 50
    cursor: Cursor | None = None
    sort: BacktestSort = "-created_at"
    status: values.BacktestStatus | None = None
    strategy_id: str | None = None
    dataset_id: str | None = None


class CancelBacktest(Request[values.Backtest], frozen=True, kw_only=True):
    """End a run that waits or goes on; one that is cancelled already stays so."""

    SERVICE = "backtest"
    METHOD = "backtest.cancel"
    id: str


class VerifyBacktest(Request[values.Backtest], frozen=True, kw_only=True):
    """Compute a succeeded run once more, to compare the results; the resource says what came of it."""

    SERVICE = "backtest"
    METHOD = "backtest.verify"
    id: str


class DeleteBacktest(Request[None], frozen=True, kw_only=True):
    """Delete a run with its result; one that is not done is cancelled with it."""

    SERVICE = "backtest"
    METHOD = "backtest.delete"
    id: str
    if_revision: tuple[int, ...] | None = None


class ReadEquity(Request[values.EquityCurve], frozen=True, kw_only=True):
    """Read a succeeded run's equity curve; `points` asks for at most that many, first and last kept, up to 200,000."""

    SERVICE = "backtest"
    METHOD = "backtest.equity"
    id: str
    points: Annotated[int, Meta(ge=2, le=1_000_000)] | None = None


class ListTrades(Request[values.TradePage], frozen=True, kw_only=True):
    """Page through a succeeded run's trades."""

    SERVICE = "backtest"
    METHOD = "backtest.trades"
    id: str
    limit: Limit = 50
    cursor: Cursor | None = None


class ExportEquity(Request[values.Export], frozen=True, kw_only=True):
    """Make a file of a succeeded run's equity curve, whole or of `points`; who asked fetches and deletes it."""

    SERVICE = "backtest"
    METHOD = "backtest.equity.export"
    id: str
    form: TableForm
    points: Annotated[int, Meta(ge=2, le=1_000_000)] | None = None


class ExportTrades(Request[values.Export], frozen=True, kw_only=True):
    """Make a file of all of a succeeded run's trades; who asked fetches and deletes it."""

    SERVICE = "backtest"
    METHOD = "backtest.trades.export"
    id: str
    form: TableForm


class RenderReport(Request[bytes], frozen=True, kw_only=True):
    """Make the report of a succeeded run. The answer is the HTML page itself."""

    SERVICE = "backtest"
    METHOD = "backtest.report"
    id: str


BACKTEST_REQUESTS: tuple[type[Request[object]], ...] = (
    ValidateSpec,
    AcceptSpec,
    ReadPrefixTest,
    ListIndicators,
    IngestDataset,
    ReadDataset,
    ListDatasets,
    DeleteDataset,
    ListBars,
    ExportBars,
    CreateBacktest,
    ReadBacktest,
    ListBacktests,
    CancelBacktest,
    VerifyBacktest,
    DeleteBacktest,
    ReadEquity,
    ListTrades,
    ExportEquity,
    ExportTrades,
    RenderReport,
)
