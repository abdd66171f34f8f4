"""A chart as inline SVG: a frame with its axes, and what is drawn in it. Colours are the style sheet's."""

from collections.abc import Iterator
from datetime import tzinfo

import numpy as np

from services.backtest.core.downsample import downsample
from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.report.clock import moment, nanoseconds
from services.backtest.core.report.scale import Scale, round_ratios, round_times, round_values, value_range
from services.backtest.core.report.text import WIDE, escaped, percent, short

POINTS = 800
"""A curve is drawn with at most this many points, its extremes among them."""
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 64, 12, 10, 26


class Chart:
    """Values over time. `low` and `high` are the values to make room for; `height` is in pixels, as all in here."""

    def __init__(
        self,
        name: str,
        time: Ints,
        zone: tzinfo,
        low: float,
        high: float,
        *,
        height: int = 260,
        as_percent: bool = False,
        logarithmic: bool = False,
    ) -> None:
        self._name = name
        self._height = height
        self._zone = zone
        self._first, self._last = int(time[0]), int(time[-1])
        self._as_percent = as_percent
        # Seconds from the first bar on: a float of nanoseconds since 1970 would round.
        self._x = Scale(0.0, max((self._last - self._first) / 1e9, 1.0), LEFT, WIDTH - RIGHT)
        if logarithmic:
            low, high = low / 1.06, high * 1.06
        else:
            low, high = value_range(low, high)
        top = min(high, 0.0) if as_percent else high
        self._y = Scale(low, top, height - BOTTOM, TOP, logarithmic)
        self._drawn: list[str] = []

    def x(self, time: Ints) -> Floats:
        """The places of times, in nanoseconds since 1970 UTC."""
        return self._x.at((time - self._first) / 1e9)

    def y(self, values: Floats) -> Floats:
        """The places of values."""
        return self._y.at(values)

    def add(self, element: str) -> None:
        """Draw an element over what is there."""
        self._drawn.append(element)

    def line(self, time: Ints, values: Floats, kind: str) -> None:
        """Draw a curve of the style `kind`."""
        self.add(f'<path class="{kind}" d="M{self._path(time, values)}"/>')

    def area(self, time: Ints, values: Floats, kind: str) -> None:
        """Draw a curve, and fill what is between it and 0 in the style `kind`-area."""
        zero, (first, last) = self._level(0.0), self.x(time[[0, -1]])
        points = self._path(time, values)
        self.add(f'<path class="{kind}-area" d="M{first:.1f},{zero:.1f}L{points}L{last:.1f},{zero:.1f}Z"/>')
        self.add(f'<path class="{kind}" d="M{points}"/>')

    def level(self, value: float) -> None:
        """Draw a horizontal line."""
        self.add(f'<path class="level" d="M{LEFT},{self._level(value):.1f}H{WIDTH - RIGHT}"/>')

    def svg(self, description: str) -> str:
        """The whole chart; `description` says in words what is to be seen."""
        name, box = self._name, f"0 0 {WIDTH} {self._height}"
        return (
            f'{WIDE}<svg viewBox="{box}" role="img" aria-labelledby="{name}-title {name}-desc">'
            f'<title id="{name}-title">{name.capitalize()}</title><desc id="{name}-desc">{escaped(description)}</desc>'
            f"{''.join(self._grid())}{''.join(self._drawn)}</svg></div>"
        )

    def _level(self, value: float) -> float:
        return float(self.y(np.array([value]))[0])

    def _path(self, time: Ints, values: Floats) -> str:
        chosen = downsample(values, POINTS)
        places = zip(self.x(time[chosen]).tolist(), self.y(values[chosen]).tolist(), strict=True)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)

    def _grid(self) -> Iterator[str]:
        bottom = self._height - BOTTOM
        for value, label in self._marked_values():
            y = self._level(value)
            yield f'<path class="grid" d="M{LEFT},{y:.1f}H{WIDTH - RIGHT}"/>'
            yield f'<text class="value" x="{LEFT - 8}" y="{y + 4:.1f}">{label}</text>'
        times = round_times(moment(self._first, self._zone), moment(self._last, self._zone), 8)
        for x, (_, label) in zip(self.x(np.array([nanoseconds(at) for at, _ in times], np.int64)), times, strict=True):
            yield f'<path class="grid" d="M{x:.1f},{TOP}V{bottom}"/>'
            # A label at either end is turned inwards, so that none is cut off.
            place = "first" if x < LEFT + 30 else "last" if x > WIDTH - RIGHT - 30 else "time"
            yield f'<text class="{place}" x="{x:.1f}" y="{bottom + 18}">{label}</text>'

    def _marked_values(self) -> Iterator[tuple[float, str]]:
        low, high = self._y.low, self._y.high
        if self._y.logarithmic:
            yield from ((value, short(value, value)) for value in round_ratios(low, high, 8))
            return
        values, step = round_values(low, high, 5)
        for value in values:
            yield value, percent(value, 0 if step >= 0.01 else 1) if self._as_percent else short(value, step)
