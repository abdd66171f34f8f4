"""The metrics, each with what it means: shown by the pointer or the keyboard, and read out in any case."""

from collections.abc import Iterator

from services.backtest.core.report.text import escaped, measured, number, percent
from shared.contracts.metrics import METRICS, Family, Metric
from shared.contracts.values import Metrics

HEADINGS: dict[Family, str] = {
    "growth": "Growth",
    "annualisation": "Annualisation",
    "ratio": "Return to risk",
    "drawdown": "Drawdown",
    "trading": "Trades",
    "activity": "Activity and costs",
    "benchmark": "Against buying and holding",
    "tail": "Worst bars",
    "shape": "Shape of the returns",
    "significance": "Significance",
}
FIRST = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "win_rate")


def headline(metrics: Metrics) -> str:
    """The few figures that are looked at first."""
    shown = (metric for name in FIRST for metric in METRICS if metric.name == name)
    tiles = "".join(
        f"<div><dt>{_label(metric.name)}</dt><dd{_sign(metric, metrics)}>{_value(metric, metrics)}</dd></div>"
        for metric in shown
    )
    return f'<dl class="headline">{tiles}</dl>'


def metric_list(metrics: Metrics) -> str:
    """All of the table's metrics by family, with their values in full behind them."""
    return f'<div class="families">{"".join(_families(metrics))}</div>'


def _families(metrics: Metrics) -> Iterator[str]:
    for family, heading in HEADINGS.items():
        items = "".join(_item(metric, metrics) for metric in METRICS if metric.family == family)
        yield f"<section><h3>{heading}</h3><dl>{items}</dl></section>"


def _item(metric: Metric, metrics: Metrics) -> str:
    null = f" Not defined when {metric.null}." if metric.null else ""
    source = f" Source: {metric.source}." if metric.source else ""
    value = metrics.get(metric.name)
    exact = "" if value is None else f" Here {value!r}."
    meaning = escaped(f"{metric.name} ({metric.unit}) = {metric.formula}.{null}{exact}{source}", 1000)
    return (
        f'<div class="metric" tabindex="0"><dt>{_label(metric.name)}</dt><dd>{_value(metric, metrics)}</dd>'
        f'<dd class="meaning">{meaning}</dd></div>'
    )


def _label(name: str) -> str:
    words = name.replace("_", " ").replace(" pct", " %").replace(" 95", " 95 %")
    upper = {"cagr": "CAGR", "sqn": "SQN", "psr": "PSR", "var 95 %": "VaR 95 %", "cvar 95 %": "CVaR 95 %"}
    return upper.get(words, words.capitalize())


def _value(metric: Metric, metrics: Metrics) -> str:
    value = metrics.get(metric.name)
    if metric.name == "psr" and value is not None:
        return percent(value)
    if metric.name == "bars_per_year" and value is not None:
        return number(value, 0 if float(value).is_integer() else 2)
    return measured(value, metric.unit)


def _sign(metric: Metric, metrics: Metrics) -> str:
    """Colour for what is good or bad by its sign alone."""
    value = metrics.get(metric.name)
    if value is None or value == 0 or metric.name not in {"total_return", "cagr", "sharpe"}:
        return ""
    return ' class="won"' if value > 0 else ' class="lost"'
