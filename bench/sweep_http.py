"""`python -m bench.sweep_http`: what a sweep costs through the whole system, beside the engine alone.

Starts the platform on free ports, as `make run` does, uploads the daily bars of GOOG and asks for 10,000 combinations,
in turns with the engine in this process: seven rounds on the same bars with other money each, so that no answer can be
one that was kept. Ends with 1 when the median is more than 1.3 times the engine and a second. `--workers 2` says how
many worker processes it starts.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np

from bench.ending import undone_when_ended
from bench.engine import GRIDS, ROUNDS, SPEC_DOCUMENT, google, pairs_of
from bench.spread import spread
from deploy.demo.bars import DemoBarsMissing, write_demo_bars
from services.backtest.core.bars import Bars
from services.backtest.core.language import check_spec
from services.backtest.core.sweep.run import sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.warm import warm_sweeps
from shared.contracts.values import Execution
from tests.e2e.journey import User, registered, uploaded
from tests.e2e.platform import platform

Grid = Mapping[str, list[int]]

GRID = GRIDS[10_000]
ALLOWED_RATIO, ALLOWED_SECONDS = 1.3, 1.0


async def over_http(user: User, dataset_id: str, cash: int, grid: Grid) -> tuple[float, dict[str, float]]:
    """The seconds from the request to the answer that has the result, and the best row's metrics."""
    body = {
        "spec": SPEC_DOCUMENT,
        "dataset_id": dataset_id,
        "grid": grid,
        "execution": {"initial_cash": cash},
    }
    started = time.perf_counter()
    answer = await user.call("POST", "/sweeps", 200, json=body, headers={"Prefer": "wait=60"})
    taken, made = time.perf_counter() - started, answer.json()
    if made["status"] != "succeeded" or made["combinations"] != len(pairs_of(grid)):
        raise SystemExit(f"the sweep is {made['status']}: {made}")
    metrics: dict[str, float] = made["best"][0]["metrics"]
    return taken, metrics


def alone(bars: Bars, cash: int) -> tuple[float, float]:
    """The seconds that the engine takes, and the best Sharpe ratio."""
    started = time.perf_counter()
    result = sweep(bars, Execution(initial_cash=cash), Space.read(check_spec(SPEC_DOCUMENT), GRID))
    taken = time.perf_counter() - started
    return taken, float(np.nanmax(result.metric("sharpe")))


async def measure(folder: Path, workers: str) -> bool:
    """Print the figures; whether they are within what is allowed."""
    bars, file = google(), write_demo_bars(folder)["GOOG"]
    warm_sweeps()
    alone(bars, 1)
    async with platform(folder, {"BACKTEST_WORKERS": workers}) as running, running.client() as client:
        user = await registered(client)
        dataset_id = await uploaded(user, file)
        first, _ = await over_http(user, dataset_id, 999, GRIDS[1])
        print(f"the first sweep of a new system, of one combination: {first:.3f} s")
        pairs: list[tuple[float, float]] = []
        for number in range(ROUNDS):
            cash = 10_000 + number
            engine, best = alone(bars, cash)
            http, metrics = await over_http(user, dataset_id, cash, GRID)
            if metrics["sharpe"] != best:
                raise SystemExit(f"the best Sharpe ratio is {metrics['sharpe']} over HTTP and {best} by the engine")
            pairs.append((http, engine))
    over = [http - ALLOWED_RATIO * engine for http, engine in pairs]
    print(f"10,000 combinations of GOOG, {workers} worker(s), median of {ROUNDS} rounds (the fastest - the slowest):")
    for name, taken in (
        ("engine alone", [engine for _, engine in pairs]),
        ("over HTTP", [http for http, _ in pairs]),
        (f"over HTTP beyond {ALLOWED_RATIO} x engine", over),
    ):
        print(f"  {name:32} {spread(taken).told(3)} s")
    return median(over) <= ALLOWED_SECONDS


def main(arguments: list[str]) -> None:
    """Measure with so many workers."""
    workers = arguments[arguments.index("--workers") + 1] if "--workers" in arguments else "1"
    with tempfile.TemporaryDirectory() as folder:
        if not asyncio.run(measure(Path(folder), workers)):
            sys.exit(f"a sweep takes more than {ALLOWED_RATIO} x the engine and {ALLOWED_SECONDS:g} s")


if __name__ == "__main__":
    try:
        with undone_when_ended():
            main(sys.argv[1:])
    except DemoBarsMissing as error:
        sys.exit(str(error))
