"""The parabolic stop and reverse."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def parabolic(high: Floats, low: Floats, step: float, most: float) -> Floats:
    """Wilder's stop, which moves towards the extreme of the trend by a share that grows with each new extreme.

    The first value comes on bar 1, on the side of that bar's directional move: short when it is downward. The stop
    never enters the last two bars; a bar that touches it turns the trend, and the stop starts again from the extreme.
    A bar with a missing value has no stop and is passed over. A downtrend is computed as the uptrend of the prices
    turned around. Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978), as TA-Lib's SAR.
    """
    out = np.full(len(high), np.nan)
    step = min(step, most)
    side, speed, stop, extreme = 0.0, step, 0.0, 0.0
    ceiling, floor = np.nan, np.nan
    for bar in range(len(high)):
        if np.isnan(high[bar]) or np.isnan(low[bar]):
            continue
        if side == 0.0 and not np.isnan(ceiling):
            side = -1.0 if floor - low[bar] > max(high[bar] - ceiling, 0.0) else 1.0
            stop = floor if side > 0.0 else -ceiling
            extreme = high[bar] if side > 0.0 else -low[bar]
            ceiling, floor = high[bar], low[bar]
        if side != 0.0:
            # Turned so that the trend is up: what the stop stays below, now and one bar before.
            near, before = (low[bar], floor) if side > 0.0 else (-high[bar], -ceiling)
            far, far_before = (high[bar], ceiling) if side > 0.0 else (-low[bar], -floor)
            if near <= stop:
                side = -side
                stop = -max(extreme, far, far_before)
                out[bar] = side * stop
                speed, extreme = step, -near
                stop = min(stop + speed * (extreme - stop), -far, -far_before)
            else:
                out[bar] = side * stop
                if far > extreme:
                    extreme = far
                    speed = min(speed + step, most)
                stop = min(stop + speed * (extreme - stop), near, before)
        ceiling, floor = high[bar], low[bar]
    return out
