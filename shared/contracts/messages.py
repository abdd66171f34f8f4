"""Requests the services answer. Each names its service and method, and its answer's type by its type argument."""

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
from shared.contracts.backtest_messages import BACKTEST_REQUESTS
from shared.contracts.backtest_messages import AcceptSpec as AcceptSpec
from shared.contracts.backtest_messages import BacktestSort as BacktestSort
from shared.contracts.backtest_messages import CancelBacktest as CancelBacktest
from shared.contracts.backtest_messages import CreateBacktest as CreateBacktest
from shared.contracts.backtest_messages import DeleteBacktest as DeleteBacktest
from shared.contracts.backtest_messages import DeleteDataset as DeleteDataset
from shared.contracts.backtest_messages import ExportBars as ExportBars
from shared.contracts.backtest_messages import ExportEquity as ExportEquity
from shared.contracts.backtest_messages import ExportTrades as ExportTrades
from shared.contracts.backtest_messages import IngestDataset as IngestDataset
from shared.contracts.backtest_messages import ListBacktests as ListBacktests
from shared.contracts.backtest_messages import ListBars as ListBars
from shared.contracts.backtest_messages import ListDatasets as ListDatasets
from shared.contracts.backtest_messages import ListIndicators as ListIndicators
from shared.contracts.backtest_messages import ListTrades as ListTrades
from shared.contracts.backtest_messages import ReadBacktest as ReadBacktest
from shared.contracts.backtest_messages import ReadDataset as ReadDataset
from shared.contracts.backtest_messages import ReadEquity as ReadEquity
from shared.contracts.backtest_messages import ReadPrefixTest as ReadPrefixTest
from shared.contracts.backtest_messages import RenderReport as RenderReport
from shared.contracts.backtest_messages import ValidateSpec as ValidateSpec
from shared.contracts.backtest_messages import VerifyBacktest as VerifyBacktest
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
    *BACKTEST_REQUESTS,
    *SWEEP_REQUESTS,
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
