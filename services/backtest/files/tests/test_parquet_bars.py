"""Parquet files as the world writes them: read to the last bit, or refused with the row and the column."""

from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.ingest.columns import NO_VOLUME
from services.backtest.core.ingest.upload import Upload
from services.backtest.files.parquet_bars import DAMAGED, read_parquet
from services.backtest.files.parquet_cells import NumberReader
from services.backtest.files.tests.dialects import parquet_of
from shared.contracts.errors import InputError, Invalid, TooLarge

DAYS = [datetime(2024, 1, 2), datetime(2024, 1, 3)]  # noqa: DTZ001  # what clocks show
DATES = [day.date() for day in DAYS]
ONE, TWO = "2024-01-02T00:00", "2024-01-03T00:00"
UTC, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")
NUMBERS = {"open": 1.5, "high": 3.0, "low": 0.5, "close": 2.0, "volume": 10.0}


def columns(**changed: Any) -> dict[str, Any]:
    """Two bars; `changed` columns are added or take the place of others, or are left out for None."""
    whole: dict[str, Any] = {"time": pa.array(DAYS, pa.timestamp("ns"))}
    whole |= {name: pa.array([value, value]) for name, value in NUMBERS.items()} | changed
    return {name: column for name, column in whole.items() if column is not None}


def read(folder: Path, content: bytes, zone: ZoneInfo = UTC, **limits: int) -> Upload:
    """What is read from a file with this content."""
    path = folder / "upload"
    path.write_bytes(content)
    return read_parquet(path, zone, **limits)


def refused(folder: Path, content: bytes, zone: ZoneInfo = UTC) -> tuple[InputError, ...]:
    """Why a file with this content is refused."""
    with pytest.raises(Invalid) as caught:
        read(folder, content, zone)
    return caught.value.errors


def times(upload: Upload) -> list[str]:
    """The times of bars in UTC, to the minute."""
    return [str(text) for text in np.datetime_as_string(upload.bars.time.astype("datetime64[ns]"), unit="m")]


@pytest.mark.parametrize(
    ("changed", "zone", "expected"),
    [
        *(({"time": pa.array(DAYS, pa.timestamp(unit))}, UTC, [ONE, TWO]) for unit in ("s", "ms", "us", "ns")),
        ({"time": pa.array(DAYS, pa.timestamp("us", "Asia/Tokyo"))}, NEW_YORK, [ONE, TWO]),
        ({"time": pa.array(DAYS, pa.timestamp("us"))}, NEW_YORK, ["2024-01-02T05:00", "2024-01-03T05:00"]),
        ({"time": pa.array(DATES, pa.date32())}, UTC, [ONE, TWO]),
        ({"time": pa.array(DATES, pa.date64())}, NEW_YORK, ["2024-01-02T05:00", "2024-01-03T05:00"]),
        ({"time": pa.array(["2024-01-02", "2024-01-03"])}, UTC, [ONE, TWO]),
        ({"time": pa.array(["13/01/2024", "14/01/2024"])}, UTC, ["2024-01-13T00:00", "2024-01-14T00:00"]),
        ({"time": pa.array(["2024-01-02", "2024-01-03"]).dictionary_encode()}, UTC, [ONE, TWO]),
        ({"time": pa.array([b"2024-01-02", b"2024-01-03"])}, UTC, [ONE, TWO]),
        ({"time": pa.array([1704153600, 1704240000])}, NEW_YORK, [ONE, TWO]),
        ({"time": pa.array([1704153600000, 1704240000000], pa.uint64())}, UTC, [ONE, TWO]),
        ({"time": None, "date": pa.array([20240102, 20240103])}, UTC, [ONE, TWO]),
        ({"time": None, "__index_level_0__": pa.array(DAYS, pa.timestamp("ns"))}, UTC, [ONE, TWO]),
        ({"time": pa.array([time(9, 30)] * 2), "date": pa.array(DATES)}, UTC, ["2024-01-02T09:30", "2024-01-03T09:30"]),
        ({"time": pa.array(["9:30"] * 2), "date": pa.array(DATES)}, NEW_YORK, ["2024-01-02T14:30", "2024-01-03T14:30"]),
        ({"time": pa.array(["1:30 PM"] * 2), "date": pa.array(DAYS)}, UTC, ["2024-01-02T13:30", "2024-01-03T13:30"]),
        ({"time": pa.array(DAYS[::-1], pa.timestamp("s"))}, UTC, [ONE, TWO]),
    ],
)
def test_times_of_every_type_are_read(
    tmp_path: Path, changed: dict[str, Any], zone: ZoneInfo, expected: list[str]
) -> None:
    """Timestamps, dates, numbers and texts; what has no zone of its own is of the zone."""
    assert times(read(tmp_path, parquet_of(columns(**changed)), zone)) == expected


@pytest.mark.parametrize(
    "kind",
    [pa.float64(), pa.float32(), pa.float16(), pa.decimal128(20, 8), pa.decimal256(40, 2), pa.string()],
)
def test_numbers_of_every_type_are_read(tmp_path: Path, kind: "pa.DataType") -> None:
    """Of any width, exact, or as text."""
    changed: dict[str, Any] = {name: pa.array([value, value]).cast(kind) for name, value in NUMBERS.items()}
    bars = read(tmp_path, parquet_of(columns(**changed, extra=pa.array([[1], [2]])))).bars
    for name, value in NUMBERS.items():
        assert getattr(bars, name).tolist() == [value, value]


@given(st.decimals("0.000001", "999999999999", places=6), st.integers(0, 3))
def test_decimals_are_those_a_text_would_be(value: Decimal, more: int) -> None:
    """The nearest float64: so the same bars have the same name from Parquet and from CSV."""
    field = pa.field("close", pa.decimal128(30, 6 + more))
    numbers, bad = NumberReader(field, "close").read(pa.array([value, None], field.type))
    assert (numbers[0], bad.tolist()) == (float(value), [False, True])


@pytest.mark.parametrize(
    "empty", [pa.nulls(2), pa.nulls(2, pa.int64()), pa.array([float("nan")] * 2), pa.array(["", "nan"])]
)
def test_a_volume_column_without_a_volume_is_none(tmp_path: Path, empty: "pa.Array[Any]") -> None:
    """As data frames of indices and currencies have."""
    upload = read(tmp_path, parquet_of(columns(volume=empty)))
    assert (upload.notes, upload.bars.volume.tolist()) == ((NO_VOLUME,), [0.0, 0.0])


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int32(), pa.uint64()])
def test_so_are_whole_ones(tmp_path: Path, kind: "pa.DataType") -> None:
    """Prices in ticks, volumes in shares."""
    changed: dict[str, Any] = {name: pa.array([7, 7], kind) for name in NUMBERS}
    assert read(tmp_path, parquet_of(columns(**changed))).bars.volume.tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    "options",
    [
        {"row_group_size": 1},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"compression": "brotli", "use_dictionary": False},
        {"use_deprecated_int96_timestamps": True},
        {"use_dictionary": False, "use_byte_stream_split": ["open"]},
    ],
)
def test_it_does_not_matter_how_they_are_packed(tmp_path: Path, options: dict[str, Any]) -> None:
    """Row groups, compressions, encodings, versions of the format."""
    assert times(read(tmp_path, parquet_of(columns(), **options))) == [ONE, TWO]


def test_a_symbol_and_what_is_missing_are_told(tmp_path: Path) -> None:
    """The one symbol of all rows, and that there is no volume."""
    upload = read(tmp_path, parquet_of(columns(volume=None, ticker=pa.array(["AAPL", "AAPL"]).dictionary_encode())))
    assert (upload.symbol, upload.notes) == ("AAPL", (NO_VOLUME,))
    assert upload.bars.volume.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("changed", "pointer", "words"),
    [
        ({"time": None}, "/file", "no column for time"),
        ({"close": None}, "/file", "no column for close"),
        ({"time": pa.array([1.5, 2.5])}, "/file", "of type double; store a timestamp"),
        ({"time": pa.array([True, False])}, "/file", "of type bool; store a timestamp"),
        ({"open": pa.array([True, False])}, "/file", "the open must be a number"),
        ({"open": pa.array([[1.0], [2.0]])}, "/file", "one plain value a row"),
        ({"open": pa.array([{"a": 1}, {"a": 2}])}, "/file", "one plain value a row"),
        ({"volume": pa.array([None, 5.0])}, "/file/row/1/volume", "write 0 where nothing was traded"),
        ({"volume": pa.array([5.0, float("nan")])}, "/file/row/2/volume", "write 0 where nothing was traded"),
        ({"volume": pa.array([float("inf"), 5.0])}, "/file/row/1/volume", "inf is not a number"),
        ({"close": pa.nulls(2)}, "/file/row/1/close", "leave the row out"),
        ({"ticker": pa.array(["A", "B"])}, "/file", "A and B; upload a file for each"),
        ({"OPEN": pa.array([1.0, 1.0])}, "/file", "keep one of them"),
        ({"time": pa.array(["01/02/2024", "01/03/2024"])}, "/file", "write them as 2024-01-31"),
        ({"open": pa.array(["1,500", "1,500"])}, "/file", "read two ways"),
        ({"open": pa.array(["1.5", "x"])}, "/file/row/2/open", "x is not a number"),
        ({"open": pa.array([None, 1.0])}, "/file/row/1/open", "is empty"),
        ({"open": pa.array([1.0, float("nan")])}, "/file/row/2/open", "nan is not a number"),
        ({"high": pa.array([3.0, 1.0])}, "/file/row/2/high", "1.0 is below the close 2.0"),
        ({"time": pa.array([None, DAYS[1]], pa.timestamp("us"))}, "/file/row/1/time", "is empty"),
        ({"time": pa.array([DAYS[0], DAYS[0]])}, "/file/row/2/time", "the time of the row before it"),
        ({"time": pa.array([0, 2**55], pa.timestamp("us"))}, "/file/row/2/time", "no time from 1700 to 2199"),
        ({"time": pa.array([0, 10**6], pa.date32())}, "/file/row/2/time", "no time from 1700 to 2199"),
        ({"time": pa.array(["2024-01-02", "x"])}, "/file/row/2/time", "x is no time"),
        ({"time": pa.array([b"2024-01-02", b"\xff"])}, "/file", "damaged"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, changed: dict[str, Any], pointer: str, words: str
) -> None:
    """The file as a whole, or the row and the column, and what to do."""
    error = refused(tmp_path, parquet_of(columns(**changed)))[0]
    assert error.pointer == pointer
    assert words in error.message


@pytest.mark.parametrize("moment", [datetime(2024, 3, 10, 2, 30), datetime(2024, 11, 3, 1, 30)])  # noqa: DTZ001
def test_a_time_that_does_not_exist_or_exists_twice_is_refused(tmp_path: Path, moment: datetime) -> None:
    """As it is in CSV."""
    (error,) = refused(tmp_path, parquet_of(columns(time=pa.array([DAYS[0], moment]))), NEW_YORK)
    assert (error.pointer, "skipped or repeated" in error.message) == ("/file/row/2/time", True)


def test_there_is_a_limit(tmp_path: Path) -> None:
    """A file with more rows than a dataset may have is too large, before they are read."""
    with pytest.raises(TooLarge, match="1 rows"):
        read(tmp_path, parquet_of(columns()), max_rows=1)


SOUND = parquet_of(columns())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PAR1", "cut off"),
        (b"PAR1PAR1", "cut off"),
        (SOUND[:-1], "cut off"),
        (SOUND[: len(SOUND) // 2], "cut off"),
        (SOUND + b"\n", "cut off"),
        (SOUND[:-4] + b"PARE", "encrypted"),
        (SOUND[:-8] + b"\xff\xff\xff\x7fPAR1", DAMAGED),
        (SOUND[:-8] + b"\x08\x00\x00\x00PAR1", DAMAGED),
        (SOUND[:4] + b"\xff" * 200 + SOUND[204:], DAMAGED),
        (b"PAR1" + bytes(20_000_000) + b"\x00\x00\x20\x01PAR1", "needs 18 MiB to describe"),
        (parquet_of({f"c{number}": pa.array([1]) for number in range(2000)}), "has 2000 columns"),
    ],
)
def test_what_is_no_whole_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Cut off, damaged, encrypted, or made of thousands of columns: what is the matter is said."""
    (error,) = refused(tmp_path, content)
    assert error.pointer == "/file"
    assert words in error.message
