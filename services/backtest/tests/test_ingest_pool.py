"""The processes that read uploads: what a file does to one of them, and what that does to the next upload."""

import asyncio
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv
import pytest

from services.backtest.core.ingest.description import Description
from services.backtest.files.dataset_file import read_bars
from services.backtest.files.tests.dialects import CSV, parquet_of, rows_of, some_bars
from services.backtest.ingest_messages import BREAKS, IngestJob
from services.backtest.ingest_pool import TOO_SLOW, IngestPool
from services.backtest.ingest_process import BIG, TOO_MUCH_MEMORY
from services.backtest.tests.steps import until
from shared.contracts.errors import DeadlineExceeded, Invalid, TooLarge, Unavailable

SOUND = CSV["yahoo"](rows_of(some_bars()))
MIB = 1024**2


@pytest.fixture
async def pool() -> AsyncIterator[IngestPool]:
    """One process at a time."""
    pool = IngestPool(1)
    yield pool
    await pool.close()


def job_of(folder: Path, content: bytes | None, *, cpu_seconds: float = 30.0) -> IngestJob:
    """The job to read a file with this content; without one, a file that never comes to its beginning."""
    path = folder / "upload"
    path.unlink(missing_ok=True)
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    return IngestJob(
        upload=str(path), bars=str(folder / "bars"), timezone="UTC", interval=None, cpu_seconds=cpu_seconds
    )


async def described(pool: IngestPool, job: IngestJob, *, seconds: float = 60.0) -> Description:
    """What is told of the file."""
    return await pool.read(job, asyncio.get_running_loop().time() + seconds)


def readers_of(pool: IngestPool) -> list[psutil.Process]:
    """Those of the pool's processes that are there."""
    pids = [process.pid for process in pool._all]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


async def reader_of_the_next(pool: IngestPool, tmp_path: Path) -> int:
    """The one that is there after a sound upload, which has been read whatever was before."""
    assert (await described(pool, job_of(tmp_path, SOUND))).rows == 60
    (reader,) = readers_of(pool)
    return reader.pid


async def test_bars_come_back_as_a_file(pool: IngestPool, tmp_path: Path) -> None:
    """With what is told of them; refusals come back with their rows, and the same process reads on."""
    description = await described(pool, job_of(tmp_path, SOUND))
    bars = read_bars(tmp_path / "bars", description.sha256)
    assert (description.rows, description.first, description.last) == (len(bars), bars.time[0], bars.time[-1])
    first = await reader_of_the_next(pool, tmp_path)
    with pytest.raises(Invalid) as caught:
        await described(pool, job_of(tmp_path, SOUND.replace(b"2000-03-02", b"2000-02-30")))
    assert caught.value.errors[0].pointer == "/file/row/2/time"
    assert await reader_of_the_next(pool, tmp_path) == first


async def test_a_file_that_swells_is_refused(pool: IngestPool, tmp_path: Path) -> None:
    """Half a megabyte of Parquet whose one column is 2 GB of text: the memory is not taken, and the service goes on."""
    rows = 100_000
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows), pa.int32()), pa.array(["1" * 20_000]))
    ones = pa.array(np.ones(rows))
    bomb = parquet_of(
        {
            "time": pa.array(np.arange(rows), pa.timestamp("s")),
            "open": text,
            "high": ones,
            "low": ones,
            "close": ones,
        },
        compression="zstd",
    )
    assert len(bomb) < MIB
    before = await reader_of_the_next(pool, tmp_path)
    with pytest.raises(Invalid, match=TOO_MUCH_MEMORY):
        await described(pool, job_of(tmp_path, bomb))
    assert await reader_of_the_next(pool, tmp_path) != before


async def test_text_that_swells_is_too_large(pool: IngestPool, tmp_path: Path) -> None:
    """Hundreds of megabytes of empty lines, packed to less than a hundredth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(SOUND) + packer.compress(b"\n" * (200 * MIB)) + packer.flush()
    with pytest.raises(TooLarge, match="upload it unpacked"):
        await described(pool, job_of(tmp_path, bomb))


async def test_a_file_that_takes_too_long_is_refused(pool: IngestPool, tmp_path: Path) -> None:
    """Its process is ended when it has used up its time, and the next upload has another."""
    before = await reader_of_the_next(pool, tmp_path)
    lines = b"".join(b"2024-01-01T%02d:%02d:%02d,1,1,1,1\n" % (n // 3600, n // 60 % 60, n % 60) for n in range(86_400))
    with pytest.raises(Invalid, match=TOO_SLOW):
        await described(pool, job_of(tmp_path, b"t,o,h,l,c\n" + lines, cpu_seconds=0.01))
    assert await reader_of_the_next(pool, tmp_path) != before


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [(signal.SIGSEGV, Invalid, BREAKS), (signal.SIGABRT, Invalid, BREAKS), (signal.SIGKILL, Unavailable, "again")],
)
async def test_the_end_of_a_process_is_the_end_of_one_upload(
    pool: IngestPool, tmp_path: Path, number: int, error: type[Exception], words: str
) -> None:
    """One that breaks its reader is refused, one whose reader is killed may be sent again; the next is read."""
    await reader_of_the_next(pool, tmp_path)
    reading = asyncio.create_task(described(pool, job_of(tmp_path, None)))
    await asyncio.sleep(0)
    (reader,) = readers_of(pool)
    reader.send_signal(number)
    with pytest.raises(error, match=words):
        await reading
    await reader_of_the_next(pool, tmp_path)


async def reading(pool: IngestPool, task: "asyncio.Task[Description]") -> psutil.Process:
    """The process that reads for this task, once it is there."""

    async def has_begun() -> bool:
        return bool(readers_of(pool)) or task.done()

    await until(has_begun, seconds=20)
    (reader,) = readers_of(pool)
    return reader


async def test_nobody_reads_for_those_who_do_not_wait(pool: IngestPool, tmp_path: Path) -> None:
    """At the deadline, and when the request is given up, the process ends; who waits in line waits no longer, too."""
    stuck = job_of(tmp_path, None)
    late = asyncio.create_task(described(pool, stuck, seconds=2.0))
    reader = await reading(pool, late)
    for waiting in (described(pool, stuck, seconds=0.1), late):
        with pytest.raises(DeadlineExceeded):
            await waiting
    assert not reader.is_running()
    given_up = asyncio.create_task(described(pool, stuck))
    reader = await reading(pool, given_up)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert not reader.is_running()


async def test_an_upload_that_cannot_be_read_is_no_fault_of_its_own(pool: IngestPool, tmp_path: Path) -> None:
    """A disk that fails, or a file that is not there, is ours to mend."""
    job = job_of(tmp_path, SOUND)
    Path(job.upload).unlink()
    with pytest.raises(Unavailable, match="send it again"):
        await described(pool, job)
    await reader_of_the_next(pool, tmp_path)


async def test_a_process_that_read_much_gives_its_memory_back(pool: IngestPool, tmp_path: Path) -> None:
    """After more than a million bars the next upload has a new one."""
    before = await reader_of_the_next(pool, tmp_path)
    ones = pa.array(np.ones(BIG + 1))
    content = parquet_of(
        {"t": pa.array(np.arange(BIG + 1), pa.timestamp("s")), "o": ones, "h": ones, "l": ones, "c": ones, "v": ones}
    )
    assert (await described(pool, job_of(tmp_path, content))).rows == BIG + 1
    assert await reader_of_the_next(pool, tmp_path) != before


async def test_a_process_that_nobody_needs_ends(tmp_path: Path) -> None:
    """Its memory is given back, it leaves no dead process behind, and the next upload has another."""
    pool = IngestPool(1, idle_seconds=0.05)
    before = psutil.Process(await reader_of_the_next(pool, tmp_path))

    async def has_ended() -> bool:
        return not before.is_running()

    await until(has_ended, seconds=10)
    assert not readers_of(pool)
    assert await reader_of_the_next(pool, tmp_path) != before.pid
    await pool.close()


async def test_a_process_that_is_needed_again_stays(tmp_path: Path) -> None:
    """However long the next upload takes to be read: the time counts from the end of the last."""
    pool = IngestPool(1, idle_seconds=0.5)
    before = await reader_of_the_next(pool, tmp_path)
    stuck = asyncio.create_task(described(pool, job_of(tmp_path, None)))
    await asyncio.sleep(1.0)  # twice the time: nothing ends it meanwhile
    assert [reader.pid for reader in readers_of(pool)] == [before]
    assert not stuck.done()
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    await pool.close()


PARENT = """
import asyncio, sys
from services.backtest.ingest_messages import IngestJob
from services.backtest.ingest_pool import IngestPool

async def main():
    pool = IngestPool()
    job = IngestJob(upload=sys.argv[1], bars="", timezone="UTC", interval=None, cpu_seconds=60)
    await pool.read(job, asyncio.get_running_loop().time() + 60)

asyncio.run(main())
"""


async def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """However that ends, and whatever it is reading."""
    job = job_of(tmp_path, None)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, job.upload])
    try:

        async def has_reader() -> bool:
            return bool(psutil.Process(parent.pid).children())

        await until(has_reader, seconds=20)
        (reader,) = psutil.Process(parent.pid).children()
    finally:
        parent.kill()
        parent.wait()

    async def is_gone() -> bool:
        return not reader.is_running()

    await until(is_gone, seconds=10)


@pytest.mark.long
@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_five_million_bars_take_little_memory(pool: IngestPool, tmp_path: Path, form: str) -> None:
    """The most that a dataset may have: under 700 MiB at the peak, and less than half a minute of a core."""
    rows = 5_000_000
    dice = np.random.default_rng(1)
    close = np.round(100 * np.exp(np.cumsum(dice.normal(0, 1e-4, rows))), 4)
    columns = {
        "time": pa.array(1_400_000_000 + 60 * np.arange(rows), pa.timestamp("s")),
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": pa.array(dice.integers(0, 100_000, rows)),
    }
    job = job_of(tmp_path, parquet_of(columns) if form == "parquet" else b"")
    if form == "csv":
        pa.csv.write_csv(pa.table(columns), job.upload)
    peak = 0.0

    async def watch() -> None:
        nonlocal peak
        while True:
            for reader in readers_of(pool):
                peak = max(peak, reader.memory_info().rss / MIB)
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    description = await described(pool, job)
    watching.cancel()
    assert description.rows == rows
    assert 240 < peak < 700


def test_readers_have_no_kernels() -> None:
    """They start in a fraction of a second: nothing that compiles is imported."""
    code = "import services.backtest.ingest_process, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
