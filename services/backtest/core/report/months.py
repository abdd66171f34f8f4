"""What each month and each year brought."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.report.clock import moment, nanoseconds
from services.backtest.core.report.text import WIDE, percent

YEARS = 60
"""Of a longer run, the latest years are shown."""
NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STRONG = 0.08
"""A month beyond this, either way, has the deepest colour."""


@dataclass(frozen=True, slots=True)
class Year:
    """The returns of a year's months, and its own; None where there is no bar, or was nothing to have a return on."""

    year: int
    months: tuple[float | None, ...]
    total: float | None


def years(time: Ints, equity: Floats, initial_cash: float, zone: tzinfo) -> list[Year]:
    """The latest YEARS of the run, each month from the last close before it, the first one from the initial cash.

    Months are those of `zone`. The returns of the months compound to that of the year.
    """
    first, last = moment(time[0], zone).year, moment(time[-1], zone).year
    first = max(first, last - YEARS + 1)
    starts = [
        nanoseconds(datetime(year, month, 1, tzinfo=zone)) for year in range(first, last + 1) for month in _MONTHS
    ]
    edges = np.searchsorted(time, [*starts, nanoseconds(datetime(last + 1, 1, 1, tzinfo=zone))])
    closes = [float(equity[edge - 1]) if edge else initial_cash for edge in edges.tolist()]
    bars = np.diff(edges).tolist()
    return [
        Year(
            year,
            tuple(_change(closes[n], closes[n + 1], bars[n]) for n in range(at, at + 12)),
            _change(closes[at], closes[at + 12], sum(bars[at : at + 12])),
        )
        for at, year in zip(range(0, len(bars), 12), range(first, last + 1), strict=True)
    ]


def months_table(time: Ints, equity: Floats, initial_cash: float, zone: tzinfo) -> str:
    """The table of monthly returns with the total of each year."""
    rows = years(time, equity, initial_cash, zone)
    head = "".join(f'<th scope="col">{name}</th>' for name in (*NAMES, "Total"))
    body = "".join(
        f'<tr><th scope="row">{row.year}</th>{"".join(map(_cell, row.months))}{_cell(row.total, "total")}</tr>'
        for row in rows
    )
    return (
        '<p class="hint" id="months-hint">Each month from the last close before it, the first from the initial cash; '
        f"months compound to their year.{_cut(time, rows, zone)}</p>"
        f'{WIDE}<table class="months" aria-describedby="months-hint"><thead><tr><th scope="col">Year</th>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


_MONTHS = range(1, 13)


def _change(before: float, after: float, bars: int) -> float | None:
    return after / before - 1.0 if bars and before > 0.0 else None


def _cell(value: float | None, kind: str = "") -> str:
    if value is None:
        return f'<td class="{kind}"></td>' if kind else "<td></td>"
    classes = " ".join(filter(None, (kind, *_shade(value))))
    return f'<td class="{classes}">{percent(value, 1)}</td>' if classes else f"<td>{percent(value, 1)}</td>"


def _shade(value: float) -> Iterator[str]:
    """One of four depths of green or red; what rounds to nothing has none."""
    if abs(value) >= 0.0005:
        yield ("up" if value > 0.0 else "down") + str(min(4, 1 + int(abs(value) / STRONG * 3)))


def _cut(time: Ints, rows: list[Year], zone: tzinfo) -> str:
    all_years = moment(time[-1], zone).year - moment(time[0], zone).year + 1
    return f" The latest {len(rows)} of {all_years} years." if all_years > len(rows) else ""
