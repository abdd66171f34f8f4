"""How a text file writes its table: what separates the cells, which lines come before the rows, what is in which."""

import csv
import re
from dataclasses import dataclass

from services.backtest.core.ingest.columns import MAX_COLUMNS, Columns, find_columns, is_header, unnamed_columns
from services.backtest.core.ingest.refusals import refused
from services.backtest.core.ingest.time_columns import TimeColumns, choose_time, kind_of

START_BYTES = 64 * 1024
# Titles and addresses that some exports begin with.
_MAX_PREAMBLE = 20

_DELIMITERS = (";", "\t", ",", "|")
_LINE = re.compile(r"\r\n|\n|\r")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[+-]?[$€£]?[.,]?\d.*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The delimiter, how many columns there are and lines before the first row, and which columns hold what."""

    delimiter: str
    width: int
    skipped: int
    columns: Columns
    time: TimeColumns


def read_dialect(start: str) -> Dialect:
    """Read it off the beginning of a file, START_BYTES of it. Raises Invalid for one that is no table of bars."""
    lines = _LINE.split(start)
    written = [number for number, line in enumerate(lines) if line.strip()]
    if not written:
        raise refused("is empty")
    if written[0] == len(lines) - 1 and len(start.encode()) > START_BYTES - 4:
        raise refused(
            f"begins with a line of more than {START_BYTES // 1024} KiB; "
            "keep the columns time, open, high, low, close and volume, and write one bar a line"
        )
    header = next((number for number in written[:_MAX_PREAMBLE] if _is_header_line(lines[number])), None)
    if header is None:
        return _unnamed(lines, written[0])
    delimiter = _delimiter(lines[header])
    names = _cells(lines[header], delimiter)
    skipped = header + 1
    second = written.index(header) + 1
    if names[0].strip() == "Price" and len(written) > second + 1:
        names, skipped = _beyond_tickers(names, lines, written[second : second + 2], delimiter)
    columns = find_columns(names)
    first = next((_cells(lines[number], delimiter) for number in written if number >= skipped), [])
    kinds = [kind_of(first[index].strip() if index < len(first) else "") for index in columns.times]
    return Dialect(delimiter, len(names), skipped, columns, choose_time(columns.times, kinds))


def _unnamed(lines: list[str], first: int) -> Dialect:
    """A table that begins with its first row. Raises Invalid, as for names nobody knows, when that is no row."""
    delimiter = _delimiter(lines[first])
    cells = [cell.strip() for cell in _cells(lines[first], delimiter)]
    if len(cells) > MAX_COLUMNS or not _DIGIT.search(cells[0]) or not all(map(_NUMBER.fullmatch, cells[1:5])):
        find_columns(cells)
    clock = len(cells) > 1 and kind_of(cells[1]) == "clock" and ":" in cells[1]
    return Dialect(
        delimiter, len(cells), first, unnamed_columns(len(cells), clock), TimeColumns(0, 1 if clock else None)
    )


def _beyond_tickers(names: list[str], lines: list[str], below: list[int], delimiter: str) -> tuple[list[str], int]:
    """The names and the lines to skip of a file by yfinance, which has a line of tickers and one of the index's name.

    Raises Invalid when it has several tickers.
    """
    tickers, index = (_cells(lines[number], delimiter) for number in below)
    if tickers[0].strip() != "Ticker":
        return names, below[0]
    if len(set(tickers[1:])) > 1:
        raise refused(f"holds the bars of {len(set(tickers[1:]))} symbols; upload a file for each")
    return [index[0], *names[1:]], below[1] + 1


def _is_header_line(line: str) -> bool:
    return is_header(_cells(line, _delimiter(line)))


def _delimiter(line: str) -> str:
    """The one that makes the most cells; a comma may be a decimal mark, and so comes after the others."""
    return max(_DELIMITERS, key=line.count)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])
