"""What is unusual in a dataset without being wrong: counted, shown, never refused."""

from datetime import tzinfo

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.ingest.breaks import breaks_of
from services.backtest.core.ingest.interval import nanoseconds
from shared.contracts.values import Quality

SPLIT_LIKE = 0.40
_PART = 65_536


def quality_of(bars: Bars, interval: str, zone: tzinfo) -> Quality:
    """Count breaks by their reason, opens more than 40 % away from the close before them, and bars without volume."""
    breaks = breaks_of(bars.time, nanoseconds(interval), zone)
    return Quality(
        gaps=breaks.gaps,
        weekends=breaks.weekends,
        session_gaps=breaks.session_gaps,
        split_like_jumps=_jumps(bars.open, bars.close),
        zero_volume_bars=int(np.count_nonzero(bars.volume == 0.0)),
    )


def _jumps(open_: Floats, close: Floats) -> int:
    # In parts: what is worked out on the way would take as much memory as the bars themselves.
    parts = (slice(start, start + _PART) for start in range(0, len(open_) - 1, _PART))
    return sum(int(np.count_nonzero(np.abs(open_[1:][part] / close[:-1][part] - 1.0) > SPLIT_LIKE)) for part in parts)
