"""CSV files as the world writes them: read to the last bit, or refused with the row and the column."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.ingest.columns import NO_VOLUME
from services.backtest.files.csv_bars import read_csv
from services.backtest.files.csv_times import known_zone
from shared.contracts.errors import InputError, Invalid, TooLarge

UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
HEADER = "Date,Open,High,Low,Close,Volume\n"


def read(folder: Path, content: str | bytes, zone: ZoneInfo = UTC_ZONE, **limits: int) -> Bars:
    """The bars of a file with this content."""
    path = folder / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(path, zone, **limits).bars


def refused(folder: Path, content: str | bytes, zone: ZoneInfo = UTC_ZONE, **limits: int) -> tuple[InputError, ...]:
    """Why a file with this content is refused."""
    with pytest.raises(Invalid) as caught:
        read(folder, content, zone, **limits)
    return caught.value.errors


def times(bars: Bars) -> list[str]:
    """The times of bars, in UTC."""
    return [f"{text}Z" for text in np.datetime_as_string(bars.time.astype("datetime64[ns]"), unit="s")]


SHAPES = {
    "plain": HEADER + "2024-01-01,1,3,0.5,2,10\n2024-01-02,1,3,0.5,2,10\n",
    "no last line break": HEADER + "2024-01-01,1,3,0.5,2,10\n2024-01-02,1,3,0.5,2,10",
    "windows, with a byte order mark": (
        "\ufeff" + HEADER + "2024-01-01,1,3,.5,2,10\n2024-01-02,1,3,.5,2,1e1\n"
    ).replace("\n", "\r\n"),
    "semicolons": "time;o;h;l;c;v\n2024-01-01;1;3;0.5;2;10\n2024-01-02;1;3;0.5;2;10\n",
    "tabs": "time\to\th\tl\tc\tv\n2024-01-01\t1\t3\t0.5\t2\t10\n2024-01-02\t1\t3\t0.5\t2\t10\n",
    "spaces and quotes": HEADER + ' 2024-01-01 ,"1" ,3,+0.5, 2 ,10\n"2024-01-02","1","3","0.5","2","10"\n',
    "blank lines": "\n\n" + HEADER + "\n2024-01-01,1,3,0.5,2,10\n\n2024-01-02,1,3,0.5,2,10\n\n",
    "another order": "V,C,L,H,O,Adj Close,Date\n10,2,0.5,3,1,x,2024-01-01\n10,2,0.5,3,1,,2024-01-02\n",
    "times": HEADER + "2024-01-01 00:00,1,3,0.5,2,10\n2024-01-02T00:00:00.000,1,3,0.5,2,10\n",
    "offsets": HEADER + "2024-01-01T01:00:00+01:00,1,3,0.5,2,10\n2024-01-02 00:00Z,1,3,0.5,2,10\n",
    "eight digits": "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\n20240101,1,3,0.5,2,10\n20240102,1,3,0.5,2,10\n",
    "unix seconds": HEADER + "1704067200,1,3,0.5,2,10\n1704153600,1,3,0.5,2,10\n",
    "unix milliseconds": HEADER + "1704067200000,1,3,0.5,2,10\n1704153600000,1,3,0.5,2,10\n",
    "unix with a fraction": HEADER + "1704067200.0,1,3,0.5,2,10\n1704153600.000,1,3,0.5,2,10\n",
    "unix nanoseconds": HEADER + "1704067200000000000,1,3,0.5,2,10\n1704153600000000000,1,3,0.5,2,10\n",
    "old line breaks": (HEADER + "2024-01-01,1,3,0.5,2,10\n2024-01-02,1,3,0.5,2,10\n").replace("\n", "\r"),
    "newest first": HEADER + "2024-01-02,1,3,0.5,2,10\n2024-01-01,1,3,0.5,2,10\n",
    "no header": "2024-01-01,1,3,0.5,2,10,more\n2024-01-02,1,3,0.5,2,10,more\n",
    "decimal commas": "time;o;h;l;c;v\n2024-01-01;1,0;3,00;0,5;2;10\n2024-01-02;1;3;0,50;2,;10\n",
    "currency": HEADER + "2024-01-01,$1.00,$3,$0.50,$2,10\n2024-01-02,1€,3 €,£.5,2,10\n",
    "scaled": HEADER + "2024-01-01,1,3,0.5,2,0.01K\n2024-01-02,1,3,0.5,2,0.00001 m\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_files_of_every_usual_shape_are_read(tmp_path: Path, shape: str) -> None:
    """The same two bars, however they are written down."""
    bars = read(tmp_path, SHAPES[shape])
    assert times(bars) == ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]
    for name, value in (("open", 1.0), ("high", 3.0), ("low", 0.5), ("close", 2.0), ("volume", 10.0)):
        assert getattr(bars, name).tolist() == [value, value]


def rows(*dates: str) -> str:
    """A sound file with these times."""
    return HEADER + "".join(f"{text},1,3,0.5,2,10\n" for text in dates)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2024-01-01", "2024-07-01"], ["2024-01-01T05:00:00Z", "2024-07-01T04:00:00Z"]),
        (["2024-03-10T01:59:00", "2024-03-10T03:00:00"], ["2024-03-10T06:59:00Z", "2024-03-10T07:00:00Z"]),
        (["2024-01-01T00:00:00Z", "2024-01-01T00:00:00-01:00"], ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"]),
        (["1704067200", "1704153600"], ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]),
        (["-600000000", "0"], ["1950-12-27T13:20:00Z", "1970-01-01T00:00:00Z"]),
    ],
)
def test_times_without_an_offset_are_of_the_zone(tmp_path: Path, dates: list[str], expected: list[str]) -> None:
    """The zone's clocks are read, summer and winter; what says its offset, or is Unix time, is left alone."""
    assert times(read(tmp_path, rows(*dates), NEW_YORK)) == expected


def test_a_day_that_begins_in_a_skipped_hour_begins_after_it(tmp_path: Path) -> None:
    """Where the clocks change at midnight, a daily bar is not refused for it."""
    dates = rows("2018-11-03", "2018-11-04", "2018-11-05")
    assert times(read(tmp_path, dates, ZoneInfo("America/Sao_Paulo"))) == [
        "2018-11-03T03:00:00Z",
        "2018-11-04T03:00:00Z",
        "2018-11-05T02:00:00Z",
    ]


@pytest.mark.parametrize("clock", ["2024-03-10T02:30:00", "2024-11-03T01:30:00"])
def test_a_time_that_does_not_exist_or_exists_twice_is_refused(tmp_path: Path, clock: str) -> None:
    """What cannot be told apart is asked for, not guessed."""
    (error,) = refused(tmp_path, rows("2024-01-01T00:00:00", clock), NEW_YORK)
    assert error.pointer == "/file/row/2/time"
    assert "skipped or repeated" in error.message


@pytest.mark.parametrize(
    ("content", "pointer", "words"),
    [
        ("", "/file", "empty"),
        ("\n \n", "/file", "empty"),
        (HEADER, "/file", "fewer than 2"),
        (rows("01/02/2024", "01/03/2024"), "/file", "no day above 12 tells which; write them as 2024-01-31"),
        ("Date;o;h;l;c\n2024-01-01;1,500;1,500;1,500;1,500\n", "/file", "1,500, which can be read two ways"),
        ("Date;o;h;l;c\n2024-01-01;1,5;1,5;1,5;1,5\n2024-01-02;1.23.4;1,5;1,5;1,5\n", "/file/row/2/open", "'1.23.4'"),
        ("t,o,h,l,c,symbol\n2024-01-01,1,1,1,1,A\n2024-01-02,1,1,1,1,B\n", "/file", "a file for each"),
        ("Price,Close,High,Low,Open\nTicker,A,A,B,B\nDate,,,,\n2024-01-01,1,1,1,1\n", "/file", "2 symbols"),
        ("<!DOCTYPE html><table>", "/file", "a web page"),
        ('{"bars": []}', "/file", "is JSON"),
        ("Date,Open\0", "/file", "NUL"),
        (HEADER + "x" * 9_000_000, "/file", "a line of more than 4 MiB"),
        ("x" * 100_000, "/file", "a line of more than 64 KiB"),
        (",".join(f"c{number}" for number in range(2000)) + "\n", "/file", "has 2000 columns"),
        ("Date,Open,High,Low,Close,Volume," + "," * 1000 + "\n", "/file", "has 1007 columns"),
        (HEADER + "1,2\n" * 10_001, "/file", "more than 10,000 rows with another number of columns"),
        (HEADER + "x,x,x,x,x,x\n" * 20_000, "/file/row/1/open", "not a number"),
        (rows("2024-01-01"), "/file", "fewer than 2"),
        ("Date,Open,High,Low,Volume\n2024-01-01,1,1,1,1\n", "/file", "no column for close"),
        (rows("2024-01-01").encode("utf-16"), "/file", "UTF-16"),
        (rows("2024-01-01").encode("utf-16-le"), "/file", "UTF-16"),
        (b"PK\x03\x04\xff\xfe" * 100, "/file", "ZIP"),
        (b"\xff\xfd" * 100, "/file", "UTF-8"),
        (rows("2024-01-01", "2024-\xff-02").encode("latin-1"), "/file", "UTF-8"),
        (rows("2024-01-01", "2024-02-30"), "/file/row/2/time", "'2024-02-30' is no time"),
        (rows("2024-01-01", "31.12.2024"), "/file/row/2/time", "no time"),
        (rows("31.12.2024", "2024-01-01", "2024-01-02"), "/file/row/2/time", "write 2024-01-31"),
        (rows("tomorrow", "2024-01-01", "2024-01-02"), "/file/row/1/time", "write 2024-01-31"),
        (rows("2024-01-01", "2024-01-02T10:00:00Z"), "/file/row/2/time", "of the form of the first row"),
        (rows("2024-01-01", "2300-01-01"), "/file/row/2/time", "no time"),
        (rows("2024-01-01", "1650-01-01"), "/file/row/2/time", "no time"),
        (rows("1704067200", "1704153600000"), "/file/row/2/time", "no time"),
        (rows("45292", "45293"), "/file/row/1/time", "no time"),
        (rows("2024-01-01", ""), "/file/row/2/time", "empty"),
        (rows("2024-01-01", "2024-01-03", "2024-01-02"), "/file/row/3/time", "sort by time"),
        (rows("2024-01-03", "2024-01-01", "2024-01-02"), "/file/row/3/time", "begins with the newest; sort by time"),
        (rows("2024-01-01", "2024-01-02").replace("10\n", "\n", 1), "/file/row/1/volume", "empty"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, content: str | bytes, pointer: str, words: str) -> None:
    """The file as a whole, or the row and the column, and what to write instead."""
    error = refused(tmp_path, content)[0]
    assert error.pointer == pointer
    assert words in error.message


@pytest.mark.parametrize(
    "cell", ["x", "1,5", "1,00", "1 00", "nan", "$", "K", "1KK", "inf", "-inf", "1e999", "0x10", "1_0", "--1", ""]
)
def test_what_is_no_number_is_refused(tmp_path: Path, cell: str) -> None:
    """Not a number, not finite, or not there: the cell is named, and quoted."""
    (error,) = refused(tmp_path, HEADER + f'2024-01-01,1,3,0.5,2,10\n2024-01-02,1,3,0.5,"{cell}",10\n')
    assert error.pointer == "/file/row/2/close"
    assert cell in error.message
    assert "leave the row out" in error.message


def test_rows_of_another_width_are_named_and_count(tmp_path: Path) -> None:
    """Later rows keep their numbers, over the edges of blocks too."""
    good, count = "2024-01-01T00:{:02}:{:02},1,3,0.5,2,10\n", 900
    lines = [good.format(n // 60, n % 60) for n in range(count)]
    lines[4] = "2024-01-01T00:00:04,1,3\n"
    lines[500] = lines[500].replace(",10", ",10,11")
    lines[700] = lines[700].replace(",3,", ",0.7,")
    errors = refused(tmp_path, "\n\n" + HEADER + "".join(lines), block_bytes=1000)
    assert [error.pointer for error in errors] == ["/file/row/5", "/file/row/501", "/file/row/701/high"]
    assert errors[0].message == "has 3 columns, and the first line 6; write one bar a line, and nothing else"
    assert errors[1].message == "has 7 columns, and the first line 6; write one bar a line, and nothing else"


def test_rows_of_blanks_are_left_out(tmp_path: Path) -> None:
    """Spreadsheets write them below a table; the rows after them keep their numbers."""
    good = HEADER + "2024-01-01,1,3,0.5,2,10\n  \n,,,,,\n2024-01-02,1,3,0.5,2,10\n"
    assert times(read(tmp_path, good + ",,,,,\n\t\n,,\n,,,,,,,,\n")) == ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]
    errors = refused(tmp_path, good + ",,,,,\n2024-01-03,1,3,0.5,x,10\n# the end\n")
    assert [error.pointer for error in errors] == ["/file/row/6/close", "/file/row/7"]
    assert errors[1].message.startswith("has 1 column, ")


def with_volumes(*cells: str) -> str:
    """A file whose volumes are these."""
    return HEADER + "".join(f"2024-01-{day:02},1,3,0.5,2,{cell}\n" for day, cell in enumerate(cells, 1))


@pytest.mark.parametrize("cell", ["", " ", "-", "NaN", "null", "None", "N/A"])
def test_a_volume_column_without_a_volume_is_none(tmp_path: Path, cell: str) -> None:
    """As exports of indices and currencies have; beside volumes an empty one is refused, from the first row on."""
    path = tmp_path / "empty"
    path.write_text(with_volumes(*[cell] * 9))
    upload = read_csv(path, UTC_ZONE, block_bytes=64)
    assert upload.notes == (NO_VOLUME,)
    assert not upload.bars.volume.any()
    errors = refused(tmp_path, with_volumes(cell, cell, "7", cell), block_bytes=64)
    assert [error.pointer for error in errors] == [f"/file/row/{row}/volume" for row in (1, 2, 4)]
    assert {error.message for error in errors} == {"is empty; write 0 where nothing was traded"}


def test_there_is_a_limit(tmp_path: Path) -> None:
    """A file with more rows than a dataset may have is too large, and one with as many is not."""
    dates = [f"2024-01-0{day}" for day in range(1, 5)]
    assert len(read(tmp_path, rows(*dates[:3]), max_rows=3)) == 3
    for content in (rows(*dates).encode(), gzip.compress(rows(*dates).encode())):
        with pytest.raises(TooLarge, match="3 rows"):
            read(tmp_path, content, max_rows=3)


prices = st.floats(1e-300, 1e300, allow_nan=False)
volumes = st.floats(0.0, 1e300, allow_nan=False)
moments = st.datetimes(datetime(1700, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def bar_tables(draw: st.DrawFn) -> list[tuple[datetime, float, float, float, float, float]]:
    """Bars that keep the rules, with numbers of every size and times to the microsecond."""
    start, steps = draw(moments), draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=6))
    table = []
    for step in (0, *steps):
        start += timedelta(microseconds=step)
        low, first, second, high = sorted(draw(st.tuples(prices, prices, prices, prices)))
        open_, close = draw(st.sampled_from([(first, second), (second, first)]))
        table.append((start, open_, high, low, close, draw(volumes)))
    return table


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(table=bar_tables(), form=st.sampled_from(["offset", "zone", "spaces"]))
def test_sound_bars_come_back_bit_for_bit(
    tmp_path: Path, table: list[tuple[datetime, float, float, float, float, float]], form: str
) -> None:
    """Whatever is written with all its digits is read as exactly what it was."""
    zone = ZoneInfo("Asia/Kolkata")  # has had no change of its clocks since 1945
    if form != "offset" and table[0][0].year < 1946:
        form = "offset"
    lines = []
    for moment, *numbers in table:
        text = moment.isoformat() if form == "offset" else moment.astimezone(zone).replace(tzinfo=None).isoformat()
        lines.append(",".join([text.replace("T", " ") if form == "spaces" else text, *map(repr, numbers)]))
    bars = read(tmp_path, HEADER + "\n".join(lines), zone)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert bars.time.tolist() == [(row[0] - epoch) // timedelta(microseconds=1) * 1000 for row in table]
    for index, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        assert getattr(bars, name).tolist() == [row[index] for row in table]


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "\x00", "Europe", "a" * 64])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    """By the name of the field."""
    with pytest.raises(Invalid) as caught:
        known_zone(name)
    assert caught.value.errors[0].pointer == "/timezone"
