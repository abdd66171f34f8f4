"""How a document says what size a position has."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.backtest.core.language.errors import Report, child
from services.backtest.core.language.limits import MAX_WINDOW
from services.backtest.core.language.params import finite, whole
from services.backtest.core.language.suggest import did_you_mean

METHODS = {
    "percent_equity": "the share of equity a position takes: above 0 and at most 1",
    "fixed_quantity": "the units a position has: above 0",
    "fixed_value": "the money a position is worth: above 0",
    "volatility_target": "the yearly volatility a position has as a fraction, such as 0.15 for 15 %: above 0",
}
VOLATILITY_TARGET = "volatility_target"
WINDOW = 20


@dataclass(frozen=True, slots=True)
class Sizing:
    """The method and its value; `window` is how many returns a volatility target looks back on, 0 for other methods."""

    method: str = "percent_equity"
    value: float = 1.0
    window: int = 0

    @property
    def volatility(self) -> str | None:
        """The expression for the deviation (ddof 1) of the last `window` returns, or None when it plays no part."""
        if self.window == 0:
            return None
        return f"stddev(close / close[1] - 1, {self.window}) * ({self.window} / {self.window - 1}) ** 0.5"

    @property
    def canonical(self) -> dict[str, object]:
        """What the hash of a strategy is made of."""
        window = {"window": self.window} if self.window else {}
        return {"method": self.method, "value": self.value, **window}


def read_sizing(given: Mapping[str, object], pointer: str, report: Report) -> Sizing:
    """The sizing an object describes; what is wrong with it is reported."""
    method = given.get("method")
    if not isinstance(method, str) or method not in METHODS:
        hint = did_you_mean(method, METHODS) if isinstance(method, str) else ""
        report.add(child(pointer, "method"), f"no such method{hint}; write one of {', '.join(METHODS)}")
        return Sizing()
    keys = ("method", "value", "window") if method == VOLATILITY_TARGET else ("method", "value")
    for key in given:
        if key not in keys:
            report.add(child(pointer, key), f"sizing by {method} has no `{key}`; it has {', '.join(keys)}")
    try:
        value = finite(given.get("value"))
    except ValueError:
        value = 0.0
    if value <= 0.0 or (method == "percent_equity" and value > 1.0):
        report.add(child(pointer, "value"), f"write {METHODS[method]}")
    return Sizing(method, value, _window(given, pointer, report) if method == VOLATILITY_TARGET else 0)


def _window(given: Mapping[str, object], pointer: str, report: Report) -> int:
    if given.get("window") is None:
        return WINDOW
    try:
        window = whole(given["window"])
    except ValueError:
        window = 0
    if 2 <= window <= MAX_WINDOW:
        return window
    report.add(
        child(pointer, "window"), f"write how many returns to look back on: a whole number from 2 to {MAX_WINDOW}"
    )
    return WINDOW
