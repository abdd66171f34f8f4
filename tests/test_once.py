"""No service takes a request that writes and could do it twice."""

from pathlib import Path

from services.backtest.app import compose as compose_backtest
from services.backtest.settings import BacktestSettings
from services.strategy.app import compose as compose_strategy
from services.strategy.settings import StrategySettings
from shared.runtime.once import OnceOnly
from shared.runtime.service import Service

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
READ_ONLY = {
    "health.check", "strategy.read", "strategy.list", "strategy.version", "strategy.versions", "user.read", "user.list",
    "spec.validate", "indicator.list", "dataset.read", "dataset.list", "dataset.bars",
    "backtest.read", "backtest.list", "backtest.equity", "backtest.trades", "backtest.report", "sweep.read",
    "sweep.list", "sweep.results", "versions.read", "database.tables", "database.indexes", "database.slow_queries",
}  # fmt: skip
# Each has a prefix test run at most, of which there is one for a spec and an engine, however often it is asked for.
TESTING = {"spec.accept", "prefix_test.read"}
# Each makes a file for whoever asked, to be fetched and deleted: one more is no harm.
EXPORTS = {"dataset.export", "backtest.equity.export", "backtest.trades.export", "sweep.export"}
# Statistics made once more, and space freed once more, are no harm; and one process does it at a time.
UPKEEP = {"database.upkeep"}
# A letter is claimed before it is replayed, and what it asks for goes through `Once` itself.
LETTERS = {"dead_letter.list", "dead_letter.replay"}


def _unguarded(service: Service) -> set[str]:
    return {
        method
        for server in service._servers
        for method, (_, handler) in server._handlers.items()
        if not isinstance(handler, OnceOnly)
    }


def test_every_request_that_writes_is_done_once(tmp_path: Path) -> None:
    """Whatever is not known to be harmless when it is repeated goes through `Once`."""
    strategy = StrategySettings(database_url=NOWHERE, secret_key="0123456789abcdef" * 4, data_dir=tmp_path)
    backtest = BacktestSettings(database_url=NOWHERE, data_dir=tmp_path)
    harmless = READ_ONLY | TESTING | EXPORTS | UPKEEP | LETTERS
    assert _unguarded(compose_strategy(strategy)) | _unguarded(compose_backtest(backtest)) == harmless
