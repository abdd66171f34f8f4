"""What was read from an uploaded file."""

from dataclasses import dataclass

from services.backtest.core.bars import Bars


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """Sound bars, what their owner should know of how they were read, and the symbol that every row names, if one."""

    bars: Bars
    notes: tuple[str, ...]
    symbol: str | None
