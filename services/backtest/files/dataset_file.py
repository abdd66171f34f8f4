"""A dataset's bars as a file, named by their content."""

import re
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from services.backtest.core.bars import Bars
from services.backtest.core.ingest.digest import sha256_of
from services.backtest.files.arrow import read_columns, write_columns
from shared.contracts.errors import Invalid, Unavailable

DAMAGED = "The bars of this dataset are damaged in the object store; upload the same file once more, which mends them"

COLUMNS = ("time", "open", "high", "low", "close", "volume")


DATASETS = "datasets/"
"""What their keys begin with."""


def dataset_key(sha256: str) -> str:
    """Return the object key of a dataset: the same content is stored once."""
    return f"{DATASETS}{sha256}.arrow"


def content_of(key: str) -> str:
    """Return the sha256 that `dataset_key` was given; nothing for another key."""
    found = re.fullmatch(rf"{DATASETS}([0-9a-f]{{64}})\.arrow", key)
    return found[1] if found else ""


def write_bars(path: Path, bars: Bars) -> None:
    """Write the bars."""
    write_columns(path, {name: getattr(bars, name) for name in COLUMNS}, frozenset({"time"}))


def read_bars(path: Path, sha256: str) -> Bars:
    """Return the bars of a file, mapped into memory.

    Raises Invalid when they are not the bars of this name: a result would claim them.
    """
    try:
        bars = Bars(**read_columns(path))
    except (Unavailable, TypeError, ValueError) as error:
        raise Invalid(DAMAGED) from error
    if sha256_of(bars) != sha256:
        raise Invalid(DAMAGED)
    return bars


def map_bars(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns of a file, mapped into memory and not looked at: what is not used is not even read.

    Raises Unavailable for a file that somebody has cut short or written over.
    """
    try:
        return read_columns(path)
    except Unavailable as error:
        raise Unavailable(DAMAGED) from error
