"""Work for the backtest workers. The database row is the truth; the entry only wakes a worker up."""

from shared.contracts.values import BacktestStatus, Value


class BacktestJob(Value, frozen=True, kw_only=True):
    """Run the backtest with this id, if it still waits."""

    id: str


class Progress(Value, frozen=True, kw_only=True):
    """How far a run is; `progress` is a fraction that only grows, `status` its state."""

    id: str
    owner: str
    status: BacktestStatus
    progress: float
