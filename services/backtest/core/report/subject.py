"""What a report is of."""

from dataclasses import dataclass
from datetime import tzinfo

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.result import Trades
from shared.contracts.values import Backtest, JsonObject


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """The dataset a run was on. `time` (nanoseconds since 1970 UTC) and `close` are of the bars of the run."""

    name: str
    symbol: str
    interval: str
    zone: tzinfo
    time: Ints
    close: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A run that succeeded, its curve of shape (bars,), its trades, and its market, None when that is gone."""

    backtest: Backtest
    spec: JsonObject
    time: Ints
    equity: Floats
    drawdown: Floats
    trades: Trades
    market: Market | None

    @property
    def initial_cash(self) -> float:
        """What the run began with."""
        return float(self.backtest.run_identity.execution.initial_cash)
