"""Requests the services answer. Each names its service and method, and its answer's type by its type argument."""

from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.contracts import values
from shared.contracts.account_messages import ACCOUNT_REQUESTS
from shared.contracts.account_messages import AdministerUser as AdministerUser
from shared.contracts.account_messages import ChangePassword as ChangePassword
from shared.contracts.account_messages import ListUsers as ListUsers
from shared.contracts.account_messages import LogIn as LogIn
from shared.contracts.account_messages import LogOut as LogOut
from shared.contracts.account_messages import PatchUser as PatchUser
from shared.contracts.account_messages import ReadUser as ReadUser
from shared.contracts.account_messages import RefreshTokens as RefreshTokens
from shared.contracts.account_messages import RegisterUser as RegisterUser
from shared.contracts.bus_messages import DescribeStreams as DescribeStreams
from shared.contracts.bus_messages import ListDeadLetters as ListDeadLetters
from shared.contracts.bus_messages import ReplayDeadLetter as ReplayDeadLetter
from shared.contracts.cache_messages import DescribeCache as DescribeCache
from shared.contracts.cache_messages import ForgetObjects as ForgetObjects
from shared.contracts.cache_messages import PurgeCache as PurgeCache
from shared.contracts.cache_messages import ReadVersions as ReadVersions
from shared.contracts.database_messages import DescribeIndexes as DescribeIndexes
from shared.contracts.database_messages import DescribeTables as DescribeTables
from shared.contracts.database_messages import ListSlowQueries as ListSlowQueries
from shared.contracts.database_messages import Upkeep as Upkeep
from shared.contracts.request import Cursor as Cursor
from shared.contracts.request import Limit as Limit
from shared.contracts.request import Request as Request
from shared.contracts.request import TableForm as TableForm
from shared.contracts.request import answer_type as answer_type
from shared.contracts.sweep_messages import SWEEP_REQUESTS
from shared.contracts.sweep_messages import CancelSweep as CancelSweep
from shared.contracts.sweep_messages import CreateSweep as CreateSweep
from shared.contracts.sweep_messages import DeleteSweep as DeleteSweep
from shared.contracts.sweep_messages import ExportSweepResults as ExportSweepResults
from shared.contracts.sweep_messages import ListSweepResults as ListSweepResults
from shared.contracts.sweep_messages import ListSweeps as ListSweeps
from shared.contracts.sweep_messages import ReadSweep as ReadSweep
from shared.contracts.values import Description, JsonObject, Name

SERVICES = ("strategy", "backtest", "invalidator", "metrics")


class CheckHealth(Request[None], frozen=True, kw_only=True):
    """Say how you are: every service answers with its readiness. The asker names the service."""

    SERVICE = "any"
    METHOD = "health.check"


# --- strategy: strategies ----------------------------------------


class CreateStrategy(Request[values.Strategy], frozen=True, kw_only=True):
    """Store a strategy whose spec the parser accepts."""

    SERVICE = "strategy"
    METHOD = "strategy.create"
    name: Name
    description: Description = ""
    spec: JsonObject


class ReadStrategy(Request[values.Strategy], frozen=True, kw_only=True):
    """Read one strategy of the caller's; `version` asks for an earlier spec."""

    SERVICE = "strategy"
    METHOD = "strategy.read"
    id: str
    version: int | None = None


class ListStrategyVersions(Request[values.StrategyVersionPage], frozen=True, kw_only=True):
    """Page through the specs that a strategy of the caller's has had, the newest first."""

    SERVICE = "strategy"
    METHOD = "strategy.versions"
    id: str
    limit: Limit = 50
    cursor: Cursor | None = None


class ReadStrategyVersion(Request[values.StrategyVersion], frozen=True, kw_only=True):
    """Read one spec that a strategy of the caller's has had."""

    SERVICE = "strategy"
    METHOD = "strategy.version"
    id: str
    version: int


StrategySort = Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]


class ListStrategies(Request[values.StrategyPage], frozen=True, kw_only=True):
    """Page through the caller's strategies."""

    SERVICE = "strategy"
    METHOD = "strategy.list"
    limit: Limit = 50
    cursor: Cursor | None = None
    sort: StrategySort = "-created_at"
    status: values.StrategyStatus | None = None
    q: Annotated[str, Meta(max_length=200)] | None = None


class PatchStrategy(Request[values.Strategy], frozen=True, kw_only=True):
    """Change what is set; a changed spec makes a new version. `if_revision` refuses a stale change."""

    SERVICE = "strategy"
    METHOD = "strategy.patch"
    id: str
    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    spec: JsonObject | UnsetType = UNSET
    if_revision: tuple[int, ...] | None = None


class DeleteStrategy(Request[None], frozen=True, kw_only=True):
    """Delete a strategy. Its backtests stay readable."""

    SERVICE = "strategy"
    METHOD = "strategy.delete"
    id: str
    if_revision: tuple[int, ...] | None = None


# --- backtest: specs, datasets, runs ----------------------------------------


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


# --- metrics ----------------------------------------


class RenderMetrics(Request[bytes], frozen=True, kw_only=True):
    """Render what was measured, as Prometheus text, OpenMetrics text or JSON. The answer is the body itself.

    `compressed` asks for it in gzip: a text of many series has hundreds of kilobytes, and is a tenth of it then.
    """

    SERVICE = "metrics"
    METHOD = "metrics.render"
    form: Literal["prometheus", "openmetrics", "json"]
    compressed: bool = False


REQUESTS: tuple[type[Request[object]], ...] = (
    *ACCOUNT_REQUESTS,
    CreateStrategy,
    ReadStrategy,
    ListStrategyVersions,
    ReadStrategyVersion,
    ListStrategies,
    PatchStrategy,
    DeleteStrategy,
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
    *SWEEP_REQUESTS,
    ExportEquity,
    ExportTrades,
    RenderReport,
    RenderMetrics,
    DescribeStreams,
    DescribeCache,
    PurgeCache,
    ForgetObjects,
)

EVERYONES: tuple[type[Request[object]], ...] = (
    CheckHealth,
    ListDeadLetters,
    ReplayDeadLetter,
    ReadVersions,
    DescribeTables,
    DescribeIndexes,
    ListSlowQueries,
    Upkeep,
)
"""Requests that every service answers, or each that has a database. The asker names the service."""
