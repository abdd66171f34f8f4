"""The page: its parts in order, and the policy that lets it load nothing."""

import base64
import hashlib
from datetime import UTC

from services.backtest.core.report import facts
from services.backtest.core.report.clock import shown
from services.backtest.core.report.curves import drawdown_chart, equity_chart
from services.backtest.core.report.metric_list import headline, metric_list
from services.backtest.core.report.months import months_table
from services.backtest.core.report.price import price_chart, trades_table
from services.backtest.core.report.style import STYLE
from services.backtest.core.report.subject import Subject
from services.backtest.core.report.text import escaped, number

MAX_BYTES = 1024 * 1024
"""No page is larger, whatever the run: its curves, tables and texts are cut to what they are said to show."""

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"


def render(subject: Subject) -> bytes:
    """Return the report as HTML in UTF-8, the same for the same run; MAX_BYTES at most.

    Whatever a user wrote is escaped, and the policy in the page would keep it from being run all the same.
    """
    metrics = subject.backtest.metrics or {}
    zone = subject.market.zone if subject.market else UTC
    title = f"Backtest on {subject.market.name}" if subject.market else "Backtest"
    parts = (
        f"<header><h1>{escaped(title)}</h1><p>{_subtitle(subject)}</p></header>",
        headline(metrics),
        facts.warnings_list(subject.backtest),
        _section("Equity", equity_chart(subject, zone)),
        _section("Drawdown", drawdown_chart(subject, zone)),
        _section("Monthly returns", months_table(subject.time, subject.equity, subject.initial_cash, zone)),
        _section("Trades on the price", _price(subject) + trades_table(subject.trades, zone)),
        _section("Metrics", f'<p class="hint">{_HINT}</p>{metric_list(metrics)}'),
        _section("The run", _run(subject)),
        f"<footer>The time zone is {escaped(zone)}. This page is whole: it loads nothing and runs no script.</footer>",
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="'
        f'light dark"><meta name="referrer" content="no-referrer"><title>{escaped(title)}</title><style>{STYLE}</style>'
        f"</head><body><main>{''.join(parts)}</main></body></html>"
    )
    return page.encode("utf-8", "replace")


_HINT = "Point at a metric, or go to it with the tab key, for its formula, its exact value and when it is not defined."


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{heading}</h2>{content}</section>"


def _subtitle(subject: Subject) -> str:
    bars = f"{number(len(subject.time), 0)} bars"
    if subject.market is None:
        return f"{bars}; the dataset has been deleted"
    first, last = (shown(time, subject.market.zone) for time in (subject.time[0], subject.time[-1]))
    return f"{escaped(subject.market.symbol)}, {escaped(subject.market.interval)}, {first} to {last}, {bars}"


def _price(subject: Subject) -> str:
    if subject.market is None:
        return "<p>The dataset has been deleted, and the prices with it.</p>"
    return price_chart(subject.market, subject.trades)


def _run(subject: Subject) -> str:
    backtest = subject.backtest
    chosen = f'<div class="tables">{facts.parameters(backtest)}{facts.execution(backtest)}</div>'
    return f"{facts.strategy(subject.spec)}{chosen}{facts.identity(backtest)}"
