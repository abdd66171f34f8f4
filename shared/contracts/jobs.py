"""Work for the backtest workers. The database row is the truth; the entry only wakes a worker up."""

from shared.contracts.values import BacktestStatus, Value


class BacktestJob(Value, frozen=True, kw_only=True):
    """Run the backtest with this id, if it still waits."""

    id: str


class Progress(Value, frozen=True, kw_only=True):
    """How far a run or a sweep is; `progress` is a fraction that only grows, `status` its state.

    Entries of several workers may overtake each other by some milliseconds: who shows progress keeps the largest, and
    what says that something goes on counts no more once its end has been told.
    """

    id: str
    owner: str
    status: BacktestStatus
    progress: float
