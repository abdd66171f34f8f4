"""What a run or a sweep was asked to be, and the bars that it names."""

from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from services.backtest.core.bars import Bars
from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.core.period import cut
from services.backtest.files.dataset_file import read_bars
from shared.contracts.errors import Invalid
from shared.contracts.sweep_values import SweepIdentity
from shared.contracts.values import RunIdentity

Identity = TypeVar("Identity", RunIdentity, SweepIdentity)

OTHER_ENGINE = "This run is of another version of the engine; start it anew"


def identity_of(stored: object, kind: type[Identity]) -> Identity:
    """Return the identity as it was stored, if this engine is the one it was asked of. Raises Invalid."""
    try:
        identity = msgspec.convert(stored, kind)
    except msgspec.ValidationError as error:
        raise Invalid(OTHER_ENGINE) from error
    if identity.engine_version != ENGINE_VERSION:
        raise Invalid(OTHER_ENGINE)
    return identity


def bars_of(identity: RunIdentity | SweepIdentity, dataset: Path, timezone: str) -> Bars:
    """Return the bars of the dataset's file, mapped into memory and cut to the dates. Raises Invalid."""
    whole = read_bars(dataset, identity.dataset_sha256)
    return cut(whole, identity.start, identity.end, ZoneInfo(timezone))
