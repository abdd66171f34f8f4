"""The equity and the drawdown, drawn."""

from datetime import tzinfo

from services.backtest.core.report.chart import Chart
from services.backtest.core.report.clock import shown
from services.backtest.core.report.subject import Subject
from services.backtest.core.report.text import number, percent

SHALLOWEST = -0.01
"""The axis of drawdowns reaches at least to this: of less, the labels would all be the same."""


def equity_chart(subject: Subject, zone: tzinfo) -> str:
    """The equity at each close, with what the run began with."""
    equity, cash = subject.equity, subject.initial_cash
    low, high = float(equity.min()), float(equity.max())
    chart = Chart("equity", subject.time, zone, min(low, cash), max(high, cash))
    chart.line(subject.time, equity, "equity")
    chart.level(cash)
    return '<p class="hint">The dashed line is the initial cash.</p>' + chart.svg(
        f"The equity went from {number(cash)} to {number(equity[-1])}, its lowest close being {number(low)} and its "
        f"highest {number(high)}."
    )


def drawdown_chart(subject: Subject, zone: tzinfo) -> str:
    """How far the equity was below its highest so far."""
    drawdown = subject.drawdown
    worst = int(drawdown.argmin())
    low = min(float(drawdown[worst]), SHALLOWEST)
    chart = Chart("drawdown", subject.time, zone, low, 0.0, height=170, as_percent=True)
    chart.area(subject.time, drawdown, "drawdown")
    return chart.svg(f"The deepest drawdown was {percent(drawdown[worst])}, at {shown(subject.time[worst], zone)}.")
