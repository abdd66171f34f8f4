"""Damaged files: each is a dataset or is refused with a sentence, within a second, and nothing breaks."""

import asyncio
import gzip
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from services.backtest.files.tests.dialects import CSV, columns_of, parquet_of, rows_of, some_bars
from services.backtest.files.tests.mutations import BYTES, TEXT, damaged
from services.backtest.ingest_messages import BREAKS, IngestJob
from services.backtest.ingest_pool import TOO_SLOW, IngestPool
from shared.contracts.errors import Invalid, TooLarge

CPU_SECONDS = 1.0


def csv_files() -> Iterator[bytes]:
    """Every dialect."""
    for write in CSV.values():
        yield write(rows_of(some_bars(30)))


def gzip_files() -> Iterator[bytes]:
    """Some dialects, compressed."""
    for name in ("yahoo", "german", "metatrader 5"):
        yield gzip.compress(CSV[name](rows_of(some_bars(30))))


def parquet_files() -> Iterator[bytes]:
    """Every encoding, compression and type that bars are likely to have."""
    columns = columns_of(some_bars(200))
    texts = pa.array([str(row[0].date()) for row in rows_of(some_bars(200))])
    yield parquet_of(columns)
    yield parquet_of(columns, use_dictionary=False, compression="none")
    yield parquet_of(columns, compression="zstd", data_page_version="2.0", row_group_size=50)
    yield parquet_of(columns, use_dictionary=False, compression="gzip", data_page_size=256)
    yield parquet_of(columns, use_dictionary=False, use_byte_stream_split=["open", "close"], compression="lz4")
    yield parquet_of(
        columns, use_dictionary=False, column_encoding={"time": "DELTA_BINARY_PACKED"}, write_page_checksum=True
    )
    yield parquet_of({**columns, "time": texts, "symbol": pa.array(["A"] * 200)}, compression="brotli")
    yield parquet_of({**columns, "time": texts}, use_dictionary=False, column_encoding={"time": "DELTA_BYTE_ARRAY"})
    yield parquet_of({**columns, "more": pa.array([[1.5], [2.5]] * 100)}, use_deprecated_int96_timestamps=True)


async def outcomes(readers: IngestPool, folder: Path, contents: Iterator[bytes]) -> Counter[str]:
    """Have each content read; counts the datasets and the reasons of refusals. Any other end is an error."""
    counts: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    path = folder / "upload"
    for number, content in enumerate(contents):
        path.write_bytes(content)
        job = IngestJob(
            upload=str(path), bars=str(folder / "bars"), timezone="UTC", interval=None, cpu_seconds=CPU_SECONDS
        )
        refusal: Invalid | TooLarge | None = None
        try:
            await readers.read(job, loop.time() + 60)
        except (Invalid, TooLarge) as error:
            refusal = error
        counts[ending_of(refusal, number)] += 1
    return counts


def ending_of(refusal: Invalid | TooLarge | None, number: int) -> str:
    """What became of a file: a dataset, or what its refusal points at. One whose reader was ended is an error."""
    if refusal is None:
        return "dataset"
    for ended in (BREAKS, TOO_SLOW):
        assert ended not in refusal.detail, f"file {number}"
    if isinstance(refusal, TooLarge):
        return "too large"
    assert refusal.errors, refusal
    return refusal.errors[0].pointer.partition("/row/")[0]


def mutants(originals: Iterator[bytes], count: int, *, text: bool) -> Iterator[bytes]:
    """Damage each of the originals in turn; the same every time."""
    files, dice = list(originals), random.Random(4)
    for number in range(count):
        yield damaged(dice, files[number % len(files)], TEXT if text else BYTES)


async def test_what_is_not_damaged_is_read(readers: IngestPool, tmp_path: Path) -> None:
    """The files that are damaged below are sound before."""
    for files in (csv_files, gzip_files, parquet_files):
        assert (await outcomes(readers, tmp_path, files())).keys() == {"dataset"}


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.long)])
async def test_damaged_csv_is_read_or_refused(readers: IngestPool, tmp_path: Path, count: int) -> None:
    """Bits, bytes, cells, lines and marks of every dialect are changed; some files survive, most are refused."""
    counts = await outcomes(readers, tmp_path, mutants(csv_files(), count, text=True))
    assert counts.total() == count
    assert min(counts["dataset"], counts["/file"]) > count // 20, counts


@pytest.mark.parametrize("count", [200, pytest.param(2_000, marks=pytest.mark.long)])
async def test_damaged_gzip_is_read_or_refused(readers: IngestPool, tmp_path: Path, count: int) -> None:
    """What does not unpack is told apart from what unpacks to something else."""
    assert (await outcomes(readers, tmp_path, mutants(gzip_files(), count, text=False))).total() == count


@pytest.mark.parametrize("count", [300, pytest.param(5_000, marks=pytest.mark.long)])
async def test_damaged_parquet_is_read_or_refused(readers: IngestPool, tmp_path: Path, count: int) -> None:
    """Bits and bytes are changed, of pages, of their headers and of the footer that leads to them."""
    counts = await outcomes(readers, tmp_path, mutants(parquet_files(), count, text=False))
    assert counts.total() == count
    assert counts["/file"] > count // 4, counts
