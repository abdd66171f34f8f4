"""Tables for the tests of the rules."""

from dataclasses import replace
from typing import Any

import numpy as np

from services.backtest.core.ingest.table import Table

DAY = 86_400_000_000_000


def table(rows: int = 5, **changed: Any) -> Table:
    """A sound daily table; `changed` replaces single cells, as in high={2: 0.5}."""
    sound = Table(
        rows=np.arange(1, rows + 1),
        time=np.arange(rows) * DAY,
        open=np.full(rows, 10.0),
        high=np.full(rows, 12.0),
        low=np.full(rows, 9.0),
        close=np.full(rows, 11.0),
        volume=np.full(rows, 100.0),
    )
    columns = {name: getattr(sound, name).copy() for name in changed}
    for name, cells in changed.items():
        for row, value in cells.items():
            columns[name][row] = value
    return replace(sound, **columns)
