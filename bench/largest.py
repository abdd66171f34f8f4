"""`python -m bench.largest`: the time and the memory that the largest datasets and runs take.

Five million bars, the most that a dataset may have: read as an upload, of CSV and of Parquet, as the processes that
read uploads do, and run with the strategy that holds as many series at once as is allowed. Each in a process of its
own. Memory is the process's peak (VmHWM), with its libraries and, of a run, the compiled engine.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from bench.ending import program_of, undone_when_ended
from bench.serving.machine import describe as machine
from bench.serving.machine import load_average, peak_mib
from services.backtest.core.ingest.description import describe
from services.backtest.core.language import CheckedSpec, check_spec
from services.backtest.core.run import run_backtest
from services.backtest.core.work import TooMuchWork, check_run
from services.backtest.files.bars_file import read_bars_file
from services.backtest.files.dataset_file import read_bars, write_bars
from services.backtest.files.result_file import write_curve, write_trades
from services.backtest.ingest_pool import ENVIRON
from shared.contracts.values import Execution

BARS = 5_000_000
MIB = 1024**2


def table_of_bars(bars: int) -> pa.Table:
    """A random walk by the minute, times in seconds since 1970 and prices in cents: as CSV no more than is taken."""
    dice = np.random.default_rng(1)
    close = np.round(100 * np.exp(np.cumsum(dice.normal(0, 1e-4, bars))), 2)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    volumes = dice.integers(0, 100_000, bars)
    return pa.table({"time": 1_400_000_000 + 60 * np.arange(bars), **prices, "volume": volumes})


def widest(bars: int) -> tuple[int, CheckedSpec]:
    """Return the strategy that holds as many series of numbers at once as is allowed, and how many those are."""
    series, spec = 0, _holding(1)
    while True:
        try:
            check_run(spec.bind(), bars)
        except TooMuchWork:
            return series, _holding(series)
        series += 1
        spec = _holding(series + 1)


def _holding(series: int) -> CheckedSpec:
    lets = {f"v{number}": f"highest(close, {number + 2})" for number in range(series)}
    added = " + ".join(lets)
    return check_spec({"let": lets, "entry_long": f"({added}) / ({added.replace('+', '*')}) > 1"})


def upload(file: Path, bars_file: Path) -> tuple[float, str]:
    """Read an upload and write its bars; return the seconds of a processor, and the digest of the bars."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    before, zone = time.process_time(), ZoneInfo("UTC")
    read = read_bars_file(file, zone)
    description = describe(read, None, zone)
    write_bars(bars_file, read.bars)
    return time.process_time() - before, description.sha256


def run(bars_file: Path, digest: str) -> tuple[float, int]:
    """Run the widest strategy on them, and write its result; return the seconds of a processor, and its series."""
    series, spec = widest(BARS)
    run_backtest(spec, read_bars(bars_file, digest), {}, Execution())  # compiled, or loaded
    before = time.process_time()
    result = run_backtest(spec, read_bars(bars_file, digest), {}, Execution())
    write_curve(bars_file.with_suffix(".curve"), result)
    write_trades(bars_file.with_suffix(".trades"), result.trades)
    return time.process_time() - before, series


def _in_process(*arguments: str) -> tuple[float, str, float]:
    command = program_of("bench.largest", *arguments)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **ENVIRON})
    seconds, found, peak = json.loads(done.stdout)
    return seconds, found, peak


def measure(folder: Path) -> None:
    """Measure and print everything."""
    before, bars, lines = load_average(), table_of_bars(BARS), []
    csv, parquet = folder / "bars.csv", folder / "bars.parquet"
    pyarrow.csv.write_csv(bars, csv)
    pyarrow.parquet.write_table(bars, parquet)
    bars_file = folder / "bars"
    for name, file in (("CSV", csv), ("Parquet", parquet)):
        seconds, digest, peak = _in_process("upload", str(file), str(bars_file))
        lines.append(f"| upload of {file.stat().st_size / MIB:,.0f} MiB, {name} | {seconds:.1f} | {peak:,.0f} |")
    seconds, series, peak = _in_process("run", str(bars_file), digest)
    lines.append(f"| run of a strategy with {series} series | {seconds:.1f} | {peak:,.0f} |")
    print(
        f"On {machine('pyarrow', 'numba', 'numpy')}. Load average {before} before, {load_average()} at the end. "
        f"{BARS:,} bars, once each.\n\n| what | CPU, s | memory at the peak, MiB |\n|---|---|---|"
    )
    print("\n".join(lines))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["upload", file, bars_file]:
            print(json.dumps([*upload(Path(file), Path(bars_file)), peak_mib()]))
        case ["run", bars_file, digest]:
            print(json.dumps([*run(Path(bars_file), digest), peak_mib()]))
        case _:
            with undone_when_ended(), tempfile.TemporaryDirectory() as folder:
                measure(Path(folder))
