"""The metrics of a backtest: what each name means. The documents, the reports and the API description show this table.

E_0 is the initial cash and E_1 ... E_n the equity at each close; r_t = E_t / E_(t-1) - 1 between two closes, so that
the first bar's own move from the initial cash is not among them, nor is anything after ruin. A is `bars_per_year`;
b_t are the returns of the benchmark on the same bars.
"""

from typing import Literal

import msgspec

Family = Literal[
    "growth", "ratio", "drawdown", "trading", "activity", "benchmark", "tail", "shape", "significance", "annualisation"
]
Unit = Literal[
    "money", "fraction", "fraction per year", "ratio", "number", "bars", "days", "bars per year", "times per year"
]


class Metric(msgspec.Struct, frozen=True):
    """One metric: its unit, its formula, when it is null (empty for never), and where the definition is from."""

    name: str
    family: Family
    unit: Unit
    formula: str
    null: str
    source: str = ""


_NO_TIME = "no time passes between the first bar and the last"
_ONE_RETURN = "there are fewer than two returns"
_CONSTANT = "there are fewer than two returns, or they do not vary"
_NO_TRADE = "no trade was closed"
_FLAT_BENCHMARK = "there are fewer than two returns, or the benchmark's do not vary"
_LOPEZ_DE_PRADO = "Bailey, López de Prado: The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2), 2012"
_SORTINO = "Sortino, Price: Performance Measurement in a Downside Risk Framework, Journal of Investing 3(3), 1994"
_JENSEN = "Jensen: The Performance of Mutual Funds in the Period 1945-1964, Journal of Finance 23(2), 1968"
_GRINOLD = "Grinold, Kahn: Active Portfolio Management, 2nd edition, 1999"

METRICS: tuple[Metric, ...] = (
    Metric("final_value", "growth", "money", "E_n, the equity at the last close", ""),
    Metric("total_return", "growth", "fraction", "E_n / E_0 - 1", ""),
    Metric(
        "cagr", "growth", "fraction per year", "(E_n / E_0)^(365.25 / days) - 1, by the calendar from the first bar "
        "to the last", f"{_NO_TIME}, or too little for the rate to be a number",
    ),
    Metric(
        "bars_per_year", "annualisation", "bars per year", "A: 252 for daily bars of a market that rests two days a "
        "week, 365 for one that never does, else the gaps between the bars over the years they span",
        "there is one bar",
    ),
    Metric("volatility", "ratio", "fraction per year", "std(r, ddof=1) * sqrt(A)", _ONE_RETURN),
    Metric(
        "sharpe", "ratio", "ratio", "mean(r) / std(r, ddof=1) * sqrt(A), the riskless rate taken as 0", _CONSTANT,
        "Sharpe: The Sharpe Ratio, Journal of Portfolio Management 21(1), 1994",
    ),
    Metric(
        "sortino", "ratio", "ratio", "mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(A), the target taken as 0",
        "no return is negative", _SORTINO,
    ),
    Metric("max_drawdown", "drawdown", "fraction", "min(E_t / max(E_0 ... E_t) - 1), 0 or less", ""),
    Metric("max_drawdown_bars", "drawdown", "bars", "the most bars in a row with E_t < max(E_0 ... E_t)", ""),
    Metric(
        "max_drawdown_days", "drawdown", "days", "the longest time from the bar of a peak to the last bar below it; "
        "below E_0 from the start, from the first bar", "",
    ),
    Metric(
        "calmar", "ratio", "ratio", "cagr / |max_drawdown|", "cagr is null, or there is no drawdown",
        "Young: Calmar Ratio, a Smoother Tool, Futures, October 1991; here over the whole run",
    ),
    Metric(
        "omega", "ratio", "ratio", "sum(max(r, 0)) / sum(max(-r, 0)), at the threshold 0", "no return is negative",
        "Keating, Shadwick: A Universal Performance Measure, Journal of Performance Measurement 6(3), 2002",
    ),
    Metric("trades", "trading", "number", "closed trades; one still open at the end is not among them", ""),
    Metric("win_rate", "trading", "fraction", "closed trades with pnl > 0 after costs / trades", _NO_TRADE),
    Metric("profit_factor", "trading", "ratio", "sum(pnl > 0) / |sum(pnl < 0)|", "no closed trade lost"),
    Metric("expectancy", "trading", "money", "mean(pnl) of the closed trades, after costs", _NO_TRADE),
    Metric(
        "expectancy_pct", "trading", "fraction", "win_rate * mean(return of those with pnl > 0) + (1 - win_rate) * "
        "mean(return of the others), which is the mean return of the closed trades", _NO_TRADE,
    ),
    Metric(
        "payoff", "trading", "ratio", "mean(pnl > 0) / |mean(pnl < 0)|, in money", "no closed trade won, or none lost",
    ),
    Metric("best_trade", "trading", "fraction", "the largest return of a closed trade", _NO_TRADE),
    Metric("worst_trade", "trading", "fraction", "the smallest return of a closed trade", _NO_TRADE),
    Metric(
        "avg_trade", "trading", "fraction", "mean(return) of the closed trades; a trade's return is its pnl over what "
        "was bought or sold at its entry", _NO_TRADE,
    ),
    Metric("avg_bars_held", "trading", "bars", "mean(bars from entry to exit) of the closed trades", _NO_TRADE),
    Metric(
        "sqn", "trading", "ratio", "sqrt(trades) * mean(pnl) / std(pnl, ddof=1), on money rather than multiples of "
        "risk", "fewer than two trades were closed, or all brought the same",
        "Tharp: Trade Your Way to Financial Freedom, 2nd edition, 2006",
    ),
    Metric("exposure", "activity", "fraction", "bars with a position at their close / bars", ""),
    Metric(
        "turnover", "activity", "times per year", "the worth of all fills / mean(E) / (days / 365.25); an entry and an "
        "exit are a fill each", f"{_NO_TIME}, or the equity was 0 throughout",
    ),
    Metric("fees_paid", "activity", "money", "the fees of all fills and the cost of borrowing, open trades too", ""),
    Metric(
        "slippage_paid", "activity", "money", "sum(|fill price - price without slippage| * quantity) of all fills", "",
    ),
    Metric("alpha", "benchmark", "fraction per year", "(mean(r) - beta * mean(b)) * A", _FLAT_BENCHMARK, _JENSEN),
    Metric("beta", "benchmark", "ratio", "cov(r, b) / var(b)", _FLAT_BENCHMARK, _JENSEN),
    Metric(
        "information_ratio", "benchmark", "ratio", "mean(r - b) / std(r - b, ddof=1) * sqrt(A)",
        "there are fewer than two returns, or r - b does not vary", _GRINOLD,
    ),
    Metric(
        "tracking_error", "benchmark", "fraction per year", "std(r - b, ddof=1) * sqrt(A)", _ONE_RETURN, _GRINOLD,
    ),
    Metric(
        "var_95", "tail", "fraction", "minus the 5 % quantile of r, between two returns by straight line; a loss is "
        "positive", "there is no return",
    ),
    Metric(
        "cvar_95", "tail", "fraction", "minus the mean of the returns at or below the 5 % quantile; a loss is positive",
        "there is no return",
    ),
    Metric("skew", "shape", "ratio", "m_3 / m_2^1.5 with m_k = mean((r - mean(r))^k), biased", _CONSTANT),
    Metric("kurtosis", "shape", "ratio", "m_4 / m_2^2, biased and in full: 3 for a normal distribution", _CONSTANT),
    Metric(
        "psr", "significance", "fraction", "Phi(SR * sqrt(n - 1) / sqrt(1 - skew * SR + (kurtosis - 1) / 4 * SR^2)): "
        "how sure it is that the true ratio is above 0, from the n returns and SR = mean(r) / std(r, ddof=1)",
        "there are fewer than two returns, they do not vary, or the root is 0", _LOPEZ_DE_PRADO,
    ),
)  # fmt: skip
"""In the order in which the metrics of a run are given."""
