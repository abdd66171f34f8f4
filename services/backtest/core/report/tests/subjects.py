"""Runs to make reports of, without an engine."""

from datetime import UTC, date, datetime, tzinfo
from typing import Any

import numpy as np

from services.backtest.core.engine.dtypes import ExitReason, Ints, Status
from services.backtest.core.report.subject import Market, Subject
from services.backtest.core.result import Trades
from shared.contracts.metrics import METRICS
from shared.contracts.values import Backtest, Execution, RunIdentity

DAY = 86_400 * 10**9
START = int(datetime(2020, 1, 6, tzinfo=UTC).timestamp()) * 10**9
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def trades_of(count: int, time: Ints, turns: int = -1) -> Trades:
    """Trades one after the other, by turns long and short, won and lost, unless `turns` is 1; the last still open."""
    bars = np.linspace(0, len(time) - 1, count + 1).astype(np.int64)
    numbers = np.arange(1.0, count + 1)
    reasons = np.full(count, ExitReason.SIGNAL.value, np.int64)
    status = np.full(count, Status.CLOSED.value, np.int64)
    if count:
        status[-1], reasons[-1] = Status.OPEN, ExitReason.OPEN
    sides = np.where(np.arange(count) % 2, turns, 1)
    return Trades(
        side=sides, quantity=numbers, entry_time=time[bars[:-1]], entry_price=100.0 + numbers % 7,
        exit_time=time[bars[1:]], exit_price=101.0 + numbers % 5, pnl=numbers * sides, return_=sides / 100.0,
        fees=numbers / 10, bars=np.diff(bars), exit_reason=reasons, status=status,
    )  # fmt: skip


def subject(
    bars: int = 300,
    *,
    trades: int = 5,
    step: int = DAY,
    name: str = "Bars",
    zone: tzinfo = UTC,
    market: bool = True,
    **fields: Any,
) -> Subject:
    """A run over `bars` bars from 2020-01-06 on, `step` nanoseconds apart; `fields` are the backtest's own."""
    time = START + np.arange(bars, dtype=np.int64) * step
    equity = 10_000.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, bars)))
    peak = np.maximum.accumulate(np.maximum(equity, 10_000.0))
    identity = RunIdentity(
        spec_hash="ab" * 32, params=fields.pop("params", {"fast": 10}), dataset_sha256="cd" * 32, start=None,
        end=date(2026, 1, 1), execution=Execution(initial_cash=10_000.0), engine_version=2,
    )  # fmt: skip
    known: dict[str, Any] = {
        "id": "01933c5e-7c1a-7d3e-8f00-000000000001", "status": "succeeded", "progress": 1.0, "owner_id": "o",
        "strategy_id": None, "strategy_version": None, "dataset_id": "01933c5e-7c1a-7d3e-8f00-0000000000aa",
        "result_digest": "ef" * 32, "reused": False, "metrics": {metric.name: 1.25 for metric in METRICS},
        "warmup_bars": 20, "warnings": [], "error": None, "created_at": NOW, "started_at": NOW, "finished_at": NOW,
        "revision": 3,
    }  # fmt: skip
    spec = fields.pop("spec", {"entry_long": "close > open"})
    return Subject(
        backtest=Backtest(run_identity=identity, **{**known, **fields}),
        spec=spec,
        time=time,
        equity=equity,
        drawdown=equity / peak - 1.0,
        trades=trades_of(trades, time),
        market=Market(name, "SYM", "1d", zone, time, equity / 100.0) if market else None,
    )
