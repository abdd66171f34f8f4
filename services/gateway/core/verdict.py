"""From the state of the parts to the state of the whole."""

from collections.abc import Mapping
from typing import Literal

# Without the bus nothing can be asked; without both of these nothing useful answers.
_ESSENTIAL = ("strategy", "backtest")


def overall(statuses: Mapping[str, str]) -> Literal["ok", "degraded", "down"]:
    """Return `down` when no request can be served, `degraded` when some cannot or are slower, else `ok`."""
    if statuses["bus"] == "down" or all(statuses[name] == "down" for name in _ESSENTIAL):
        return "down"
    return "degraded" if "down" in statuses.values() else "ok"
