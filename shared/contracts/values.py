"""Values that messages and HTTP bodies share. Field names are the outside contract."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.contracts.errors import InputError

JsonObject = dict[str, object]

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Description = Annotated[str, Meta(max_length=4000)]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything on the wire. Unknown fields are ignored: a newer writer must not break an older reader."""


Role = Literal["user", "admin"]


class Principal(Value, frozen=True, kw_only=True):
    """Who asks: an account, its role and the session the token belongs to."""

    user_id: str
    role: Role = "user"
    session_id: str = ""


class User(Value, frozen=True, kw_only=True):
    """An account as its owner sees it."""

    id: str
    email: str
    name: str
    role: Role
    is_active: bool
    created_at: datetime
    revision: int


class Tokens(Value, frozen=True, kw_only=True):
    """What a login or a refresh answers. `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the scheme, no secret


StrategyStatus = Literal["draft", "dev", "crv", "production"]


class Strategy(Value, frozen=True, kw_only=True):
    """A stored strategy. `version` counts specs, `revision` counts changes of any kind."""

    id: str
    name: str
    description: str
    spec: JsonObject
    spec_hash: str
    version: int
    revision: int
    status: StrategyStatus
    owner_id: str
    created_at: datetime
    updated_at: datetime


class StrategyVersion(Value, frozen=True, kw_only=True):
    """One spec that a strategy had, or has; it never changes. `created_at` is when the spec was stored."""

    strategy_id: str
    version: int
    spec: JsonObject
    spec_hash: str
    created_at: datetime


class SpecReport(Value, frozen=True, kw_only=True):
    """What the parser says of a spec. `warmup_bars` holds for the default parameters."""

    valid: bool
    errors: list[InputError] = []
    warmup_bars: int | None = None
    spec_hash: str | None = None


class IndicatorArgument(Value, frozen=True, kw_only=True):
    """One place in a function's call form; `minimum` and `maximum` bound the single values it takes, both included."""

    name: str
    kind: Literal["series", "series or number", "condition", "whole number", "number"]
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    optional: bool = False


class Indicator(Value, frozen=True, kw_only=True):
    """A function of the strategy language.

    `warmup` is an expression over the arguments: the bars that pass before the first value.
    """

    name: str
    signature: str
    arguments: list[IndicatorArgument]
    description: str
    formula: str
    unit: str
    warmup: str
    source: str


class IndicatorPage(Value, frozen=True, kw_only=True):
    """All functions there are, family by family; there is no second page."""

    items: list[Indicator]
    next_cursor: str | None = None


class Quality(Value, frozen=True, kw_only=True):
    """What is unusual in a dataset without being wrong.

    A place where bars are missing counts once: as a weekend, as one between sessions, or as a gap, as a holiday is.
    """

    gaps: int
    weekends: int = 0
    session_gaps: int = 0
    split_like_jumps: int
    zero_volume_bars: int


class Dataset(Value, frozen=True, kw_only=True):
    """An immutable table of bars. `sha256` names its canonical columns; `notes` say how the upload was understood."""

    id: str
    name: str
    symbol: str
    interval: str
    timezone: str
    rows: int
    start: datetime
    end: datetime
    sha256: str
    quality: Quality
    notes: list[str] = []
    created_at: datetime


class Bar(Value, frozen=True, kw_only=True):
    """One bar; `time` is when it begins or ends, as its source has it, to the microsecond."""

    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class Export(Value, frozen=True, kw_only=True):
    """Where a table waits as a file for whoever asked for it."""

    object_key: str


class Execution(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How orders are filled and what they cost. Fees in basis points of the traded value, and money per fill."""

    initial_cash: Annotated[float, Meta(gt=0, le=1e15)] = 100_000.0
    fill: Literal["next_open", "close"] = "next_open"
    side: Literal["long", "short", "both"] | None = None
    fee_bps: Annotated[float, Meta(ge=0, le=10_000)] = 0.0
    fee_fixed: Annotated[float, Meta(ge=0)] = 0.0
    slippage_bps: Annotated[float, Meta(ge=0, lt=10_000)] = 0.0
    borrow_bps_per_year: Annotated[float, Meta(ge=0)] = 0.0
    lot_size: Annotated[float, Meta(gt=0)] | None = None
    stop_rule: Literal["stop_first", "target_first"] = "stop_first"
    close_at_end: bool = False


BacktestStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Metrics = dict[str, float | int | None]
ParamValue = float | int | bool | str


class RunIdentity(Value, frozen=True, kw_only=True):
    """Everything that decides a result; the same identity gives the same digest.

    `timezone` is where `start` and `end` are days; null when neither is given, since it decides nothing then.
    """

    spec_hash: str
    params: dict[str, ParamValue]
    dataset_sha256: str
    start: date | None
    end: date | None
    timezone: str | None = None
    execution: Execution
    engine_version: int
    seed: int = 0


class Verification(Value, frozen=True, kw_only=True):
    """A run computed once more and compared: `matched` when every number of the result is the same, to the bit.

    `result_digest` is that of the repetition, `engine_version` the engine's that made it.
    """

    status: Literal["queued", "matched", "differs", "failed"]
    requested_at: datetime
    finished_at: datetime | None = None
    result_digest: str | None = None
    engine_version: int
    error: str | None = None


class Backtest(Value, frozen=True, kw_only=True):
    """A run: queued, then running, then one of three ends. `progress` is a fraction.

    `reused` when its result is that of an earlier run of the same identity; `verification` is the newest one asked for.
    """

    id: str
    status: BacktestStatus
    progress: float
    owner_id: str
    strategy_id: str | None
    strategy_version: int | None
    dataset_id: str
    run_identity: RunIdentity
    result_digest: str | None
    reused: bool
    metrics: Metrics | None
    warmup_bars: int | None
    warnings: list[str]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    verification: Verification | None = None
    revision: int


class PrefixDifference(Value, frozen=True, kw_only=True):
    """A decision that depends on later bars.

    `part` is the rule or the term, as the spec names it, or `volatility` of the sizing. On bar `bar`, counting from 0,
    it is `full` when there are all bars, and `cut_off` when those from bar `cut` on are removed, or replaced by others;
    None for no number.
    """

    part: str
    params: dict[str, ParamValue]
    cut: int
    tail: Literal["removed", "replaced"]
    bar: int
    full: float | bool | None
    cut_off: float | bool | None


class PrefixEvidence(Value, frozen=True, kw_only=True):
    """What a prefix test has compared.

    `combinations` of params, each on a series of its own, `bars` in all, cut at `cuts` places in all. On `signals` of
    the bars with decisions a rule came true.
    """

    bars: int
    cuts: int
    combinations: int
    signals: int
    failure: PrefixDifference | None = None


class PrefixTest(Value, frozen=True, kw_only=True):
    """Whether what a strategy's version decides depends on later bars, as this version of the engine computes it.

    `held` is no, `violated` yes, and `failure` says where; `failed` means that it could not be tried out, and `error`
    says why. The counts are those of PrefixEvidence.
    """

    strategy_id: str
    strategy_version: int
    spec_hash: str
    engine_version: int
    status: Literal["queued", "held", "violated", "failed"]
    bars: int | None
    cuts: int | None
    combinations: int | None
    signals: int | None
    failure: PrefixDifference | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class EquityPoint(Value, frozen=True, kw_only=True):
    """One bar of an equity curve. `drawdown` is a fraction <= 0, `position` in units (short is negative)."""

    time: datetime
    equity: float
    drawdown: float
    position: float


class Trade(Value, frozen=True, kw_only=True, rename={"return_": "return"}):
    """One round trip, or the open trade at the end marked at the last close. `bars` is a count.

    `return` is a fraction of what was bought or sold, null where that is worth too little for a number.
    """

    side: Literal["long", "short"]
    quantity: float
    entry_time: datetime
    entry_price: float
    exit_time: datetime | None
    exit_price: float | None
    pnl: float
    return_: float | None
    fees: float
    bars: int
    exit_reason: str
    status: Literal["closed", "open"]


class StrategyPage(Value, frozen=True, kw_only=True):
    """A page of strategies."""

    items: list[Strategy]
    next_cursor: str | None


class StrategyVersionPage(Value, frozen=True, kw_only=True):
    """A page of a strategy's versions, the newest first."""

    items: list[StrategyVersion]
    next_cursor: str | None


class UserPage(Value, frozen=True, kw_only=True):
    """A page of accounts."""

    items: list[User]
    next_cursor: str | None


class DatasetPage(Value, frozen=True, kw_only=True):
    """A page of datasets."""

    items: list[Dataset]
    next_cursor: str | None


class BarPage(Value, frozen=True, kw_only=True):
    """A page of bars in order of time."""

    items: list[Bar]
    next_cursor: str | None


class BacktestPage(Value, frozen=True, kw_only=True):
    """A page of backtests."""

    items: list[Backtest]
    next_cursor: str | None


class EquityCurve(Value, frozen=True, kw_only=True):
    """An equity curve, whole or downsampled."""

    items: list[EquityPoint]


class TradePage(Value, frozen=True, kw_only=True):
    """A page of trades in order of entry."""

    items: list[Trade]
    next_cursor: str | None
