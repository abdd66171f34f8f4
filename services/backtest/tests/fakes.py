"""Collaborators for tests: a clock set by hand, strategies without their service, a spec and bars to run it on."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from services.backtest.core.bars import Bars
from shared.contracts.errors import NotFound
from shared.contracts.values import JsonObject, Strategy
from shared.runtime.bus.server import Call

DATA = Path(__file__).parents[1] / "core" / "tests" / "data"

SMA_CROSS: JsonObject = {
    "params": {
        "fast": {"type": "int", "min": 2, "max": 50, "default": 10},
        "slow": {"type": "int", "min": 5, "max": 200, "default": 20},
    },
    "constraints": ["fast < slow"],
    "let": {"f": "sma(close, fast)", "s": "sma(close, slow)"},
    "entry_long": "f > s and f[1] < s[1]",
    "exit_long": "f < s and f[1] > s[1]",
}


class FakeStrategies:
    """Strategies by id and version, whoever asks."""

    def __init__(self) -> None:
        self.specs: dict[tuple[str, int], JsonObject] = {}
        self.asked: list[Call] = []

    async def read(self, strategy_id: str, version: int | None, call: Call) -> Strategy:
        """Return a strategy; the newest version when none is named."""
        self.asked.append(call)
        versions = [known for identifier, known in self.specs if identifier == strategy_id]
        chosen = version or max(versions, default=0)
        if (strategy_id, chosen) not in self.specs:
            raise NotFound("There is no such strategy")
        now = datetime(2026, 1, 1, tzinfo=UTC)
        return Strategy(
            id=strategy_id,
            name="S",
            description="",
            spec=self.specs[strategy_id, chosen],
            spec_hash="0" * 64,
            version=chosen,
            revision=1,
            status="draft",
            owner_id=call.user.user_id,
            created_at=now,
            updated_at=now,
        )


def apple() -> Bars:
    """The daily bars of AAPL from 2000-03-01 to 2013-03-01, adjusted, 3,270 of them."""
    with np.load(DATA / "aapl_daily_adjusted.npz") as columns:
        return Bars(**columns)


def csv_of(bars: Bars) -> bytes:
    """The bars as a CSV file whose numbers are spelled so that they read back the same."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    times = np.datetime_as_string(bars.time.astype("datetime64[ns]"), unit="s", timezone="UTC")
    rows = zip(times.tolist(), *(map(repr, column.tolist()) for column in columns), strict=True)
    return "\n".join(["Date,Open,High,Low,Close,Volume", *(",".join(row) for row in rows), ""]).encode()
