"""That whoever runs the platform is told of all that grows, and how long it stays."""

import pytest

from deploy.locks import ROOT
from services.backtest.migrations.indexes import INDEXES as OF_BACKTESTS
from services.strategy.migrations.indexes import INDEXES as OF_STRATEGIES

TOLD = (ROOT / "docs/database.md").read_text().partition("## What grows")[2]


@pytest.mark.parametrize("table", sorted({index.table for index in (*OF_BACKTESTS, *OF_STRATEGIES)}))
def test_each_table_is_told_of(table: str) -> None:
    """A migration that makes one has to say how long its rows stay; each has a primary key, which is declared."""
    assert f"`{table}`" in TOLD
