"""The name of a dataset's content."""

import hashlib
import struct
from pathlib import Path

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.ingest.collector import Collector
from services.backtest.core.ingest.digest import sha256_of
from services.backtest.core.ingest.faults import Faults
from services.backtest.core.ingest.table import Table
from services.backtest.core.ingest.tests.tables import table

DOCUMENT = Path(__file__).parents[5] / "docs" / "datasets.md"


def test_the_digest_is_what_the_documentation_says() -> None:
    """Anyone can work it out from the numbers, column by column, without this program."""
    bars = Bars(
        time=np.array([0, 86_400_000_000_000]),
        open=np.array([1.0, 1.5]),
        high=np.array([2.0, 2.5]),
        low=np.array([0.5, 1.0]),
        close=np.array([1.5, 2.0]),
        volume=np.array([10.0, 0.0]),
    )
    numbers = struct.pack("<2q10d", 0, 86_400_000_000_000, 1.0, 1.5, 2.0, 2.5, 0.5, 1.0, 1.5, 2.0, 10.0, 0.0)
    assert sha256_of(bars) == hashlib.sha256(numbers).hexdigest()
    assert sha256_of(bars) in DOCUMENT.read_text()


def bars_of(whole: Table) -> Bars:
    """The bars of a sound table."""
    collector = Collector(Faults(), most=len(whole))
    collector.add(whole)
    return collector.bars()


def test_every_cell_counts_and_no_spelling_of_zero() -> None:
    """One other number is another dataset; a negative zero of volume is not."""
    digests = {
        sha256_of(bars_of(table(**changed)))
        for changed in (
            {"open": {1: 10.5}},
            {"high": {1: 13.0}},
            {"low": {1: 8.0}},
            {"close": {1: 10.0}},
            {"volume": {1: 0.0}},
            {"volume": {1: -0.0}},
            {"time": {1: 1}},
        )
    }
    assert len(digests) == 6
