"""`python -m bench.engine`: the engine against backtesting.py, vectorbt and a kernel written by hand.

All do the same work on the same bars in one process, in turns: seven rounds, the order reversed in every other one. A
figure is the median of CPU time over the rounds, a ratio the median of the rounds' own, with the least and the
greatest. Peaks of memory and cold starts are measured in processes of their own.

Needs the extra `bench` and the demo data (`make bench`). `--quick` leaves backtesting.py and the compilation from
nothing out.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from statistics import median

import numpy as np

from bench.ending import undone_when_ended
from bench.engine_bare import averages, crosses
from bench.engine_peers import CASH, Missing, Outcome, Pairs, backtesting_runs, vectorbt_full, vectorbt_ten
from bench.serving.machine import peak_mib
from bench.spread import spread
from deploy.demo.bars import DemoBarsMissing, demo_bars
from services.backtest.core.bars import Bars
from services.backtest.core.engine.warm import warm_kernels
from services.backtest.core.language import CheckedSpec, check_spec
from services.backtest.core.run import run_backtest
from services.backtest.core.setting import calendar_of
from services.backtest.core.sweep.run import sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.warm import warm_sweeps
from shared.contracts.values import Execution

ROUNDS = 7
LEAST = 0.1
"""Seconds that a measurement takes at least: what is quicker is done several times."""

SPEC_DOCUMENT: dict[str, object] = {
    "params": {name: {"type": "int", "min": 1, "max": 5000, "default": n} for name, n in (("fast", 10), ("slow", 30))},
    "let": {"f": "sma(close, fast)", "s": "sma(close, slow)"},
    "entry_long": "crossover(f, s)",
    "exit_long": "crossunder(f, s)",
}
SPEC = check_spec(SPEC_DOCUMENT)
TEN_BY_TEN = {"fast": list(range(5, 15)), "slow": list(range(20, 120, 10))}
GRIDS = {
    1: {"fast": [10], "slow": [30]},
    100: TEN_BY_TEN,
    1_000: {"fast": list(range(5, 30)), "slow": list(range(40, 200, 4))},
    10_000: {"fast": list(range(2, 102)), "slow": list(range(102, 202))},
    100_000: {"fast": list(range(2, 252)), "slow": list(range(260, 660))},
}
Contender = Callable[[Pairs], Outcome]


def pairs_of(grid: Mapping[str, list[int]]) -> Pairs:
    """The combinations of a grid."""
    return [(fast, slow) for fast in grid["fast"] for slow in grid["slow"]]


def google() -> Bars:
    """The daily bars of GOOG, 2004 to 2013."""
    rows = demo_bars("GOOG")
    time_ = [int(datetime.fromisoformat(row.date).replace(tzinfo=UTC).timestamp()) * 10**9 for row in rows]
    prices = (np.array([getattr(row, name) for row in rows]) for name in ("open", "high", "low", "close", "volume"))
    return Bars(np.array(time_), *prices)


def minutes(bars: int) -> Bars:
    """A random walk by the minute."""
    random = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 5e-4, bars)))
    opens = np.append(close[:1], close[:-1])
    high, low = np.maximum(opens, close) * 1.0001, np.minimum(opens, close) * 0.9999
    return Bars(np.arange(bars) * 60 * 10**9, opens, high, low, close, np.ones(bars))


def engine_sweep(
    bars: Bars, grid: Mapping[str, list[int]], spec_of: Callable[[], CheckedSpec] = lambda: SPEC
) -> Contender:
    """The engine's own sweep, from the request's grid to the columns of the result; `spec_of` gives the strategy."""

    def run(_: Pairs) -> Outcome:
        result = sweep(bars, Execution(initial_cash=CASH), Space.read(spec_of(), grid))
        return Outcome(float(result.metric("final_value")[0]), int(result.metric("trades")[0]))

    return run


def engine_run(bars: Bars) -> Contender:
    """The engine's single run, with curves, trades and every metric."""

    def run(pairs: Pairs) -> Outcome:
        fast, slow = pairs[0]
        result = run_backtest(SPEC, bars, {"fast": fast, "slow": slow}, Execution(initial_cash=CASH))
        return Outcome(float(result.equity[-1]), int(result.metrics["trades"] or 0))

    return run


def bare(bars: Bars) -> Contender:
    """The kernel written by hand, averages included."""
    _, year, days = calendar_of(bars)

    def run(pairs: Pairs) -> Outcome:
        lengths, places = np.unique(np.array(pairs), return_inverse=True)
        out = np.empty((len(pairs), 10))
        rows = averages(bars.close, lengths)
        crosses(bars.open, bars.close, rows, places.reshape(-1, 2), CASH, year or math.nan, days, out)
        return Outcome(float(out[0, 0]), int(out[0, 7]))

    return run


def measured(run: Contender, pairs: Pairs) -> tuple[float, Outcome]:
    """The CPU time of one run in seconds, and what came of it."""
    started, times = time.process_time(), 0
    while True:
        outcome, times = run(pairs), times + 1
        taken = time.process_time() - started
        if taken >= LEAST:
            return taken / times, outcome


def compare(title: str, bars: Bars, pairs: Pairs, contenders: Mapping[str, Contender]) -> None:
    """Measure the contenders in turns and print them; the first is what the others are compared with."""
    first, *_ = contenders
    agreed = {name: run(pairs) for name, run in contenders.items()}
    for name, outcome in agreed.items():
        same = math.isclose(outcome.final_value, agreed[first].final_value, rel_tol=1e-6)
        if not same or outcome.trades != agreed[first].trades:
            sys.exit(f"{title}: {name} does not do the same: {outcome}, and {first} {agreed[first]}")
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(ROUNDS):
        order = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in order:
            times[name].append(measured(contenders[name], pairs)[0])
    print(f"\n{title}: {len(pairs):,} combinations x {len(bars):,} bars")
    for name, taken in times.items():
        speed = len(pairs) * len(bars) / median(taken) / 1e6
        ratio = spread(other / own for other, own in zip(taken, times[first], strict=True)).told()
        print(f"  {name:24} {median(taken) * 1e3:12.3f} ms CPU {speed:10.1f} M bars/s   {ratio} x {first}")


def peaks() -> None:
    """Print the most memory that a process took, and how much of it before its sweep."""
    print("\nPeak memory, each in a process of its own")
    for what, size, bars in (
        ("warm, nothing run", 0, 0),
        ("10,000 combinations x GOOG", 10_000, 0),
        ("100,000 combinations x GOOG", 100_000, 0),
        ("100 combinations x 1,000,000 bars", 100, 1_000_000),
        ("100 random pairs x 1,000,000 bars", -100, 1_000_000),
    ):
        taken, before, least = _in_process(f"peak {size} {bars}")
        print(f"  {what:36} {taken:6.0f} MB, {taken - before:6.0f} MB more than before it, {least:6.2f} s CPU")


def cold_starts(*, compiling: bool) -> None:
    """Print how long a new process takes up to its first result."""
    print("\nCold start, from the process's beginning")
    kept, _, _ = _in_process("cold")
    print(f"  first sweep done after {kept:6.2f} s, its kernels being on disk")
    if compiling:
        with tempfile.TemporaryDirectory() as folder:
            nothing, _, _ = _in_process("cold", {"NUMBA_CACHE_DIR": folder})
        print(f"  first sweep done after {nothing:6.2f} s on a new machine, every kernel compiled")


def _in_process(what: str, environment: Mapping[str, str] | None = None) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "bench.engine", *what.split()]
    started = time.monotonic()
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **(environment or {})}
    )
    if what == "cold":
        return time.monotonic() - started, 0.0, 0.0
    taken, before, seconds = json.loads(done.stdout)
    return taken, before, seconds


def _peak(size: int, count: int) -> None:
    warm_sweeps()
    bars = minutes(count) if count else google()
    grid, sample = GRIDS[100], None
    if size < 0:
        grid, sample = {"fast": list(range(2, 102)), "slow": list(range(102, 202))}, {"n": -size}
    elif size:
        grid = GRIDS[size]
    before, started = peak_mib(), time.process_time()
    if size:
        sweep(bars, Execution(), Space.read(SPEC, grid, sample))
    print(json.dumps([peak_mib(), before, time.process_time() - started]))


def main(arguments: list[str]) -> None:
    """Measure and print everything."""
    quick = "--quick" in arguments
    warm_kernels()
    warm_sweeps()
    bars = google()
    single, hundred = pairs_of(GRIDS[1]), pairs_of(GRIDS[100])
    run, ten = engine_run(bars), vectorbt_ten(bars)
    compare("Single run, all metrics", bars, single, {"engine": run, "vectorbt": vectorbt_full(bars)})
    others: dict[str, Contender] = {} if quick else {"backtesting.py": backtesting_runs(bars)}
    # As for a request: the strategy is read from its document each time.
    reading = engine_sweep(bars, GRIDS[100], lambda: check_spec(SPEC_DOCUMENT))
    ours = {"engine": engine_sweep(bars, GRIDS[100]), "engine, strategy read": reading}
    everybody = {**ours, "bare kernel": bare(bars), "vectorbt": ten, **others}
    compare("Sweep, ten metrics", bars, hundred, everybody)
    for size in (1_000, 10_000):
        two = {"engine": engine_sweep(bars, GRIDS[size]), "bare kernel": bare(bars)}
        compare("Sweep, ten metrics", bars, pairs_of(GRIDS[size]), two)
    long = minutes(1_000_000)
    two = {"engine": engine_sweep(long, TEN_BY_TEN), "bare kernel": bare(long)}
    compare("Sweep of many bars", long, hundred, two)
    peaks()
    cold_starts(compiling=not quick)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["peak", size, count]:
            _peak(int(size), int(count))
        case ["cold"]:
            sweep(google(), Execution(), Space.read(SPEC, TEN_BY_TEN))
        case arguments:
            try:
                with undone_when_ended():
                    main(arguments)
            except (Missing, DemoBarsMissing) as error:
                sys.exit(str(error))
