"""The first line of an uploaded table: how it separates its columns, and which column holds what."""

import csv
import re
from dataclasses import dataclass

from shared.contracts.errors import InputError, Invalid

FIELDS = ("time", "open", "high", "low", "close", "volume")

# What exports call the six, without case, spaces and marks: `<DATE>`, `Date Time` and `date_time` are read alike.
_NAMES = {
    "time": ("time", "date", "datetime", "timestamp"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names}
_DELIMITERS = (",", ";", "\t")
_NO_LETTER = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class Header:
    """The delimiter, the number of columns, and the index of each field's column. Other columns are ignored."""

    delimiter: str
    width: int
    columns: dict[str, int]


def read_header(line: str) -> Header:
    """Read the header line. Raises Invalid when a field has no column, or more than one."""
    delimiter = max(_DELIMITERS, key=line.count)
    names = next(csv.reader([line], delimiter=delimiter), [])
    fields = [_FIELD_OF.get(_NO_LETTER.sub("", name.lower())) for name in names]
    missing = [field for field in FIELDS if field not in fields]
    if missing:
        seen = ", ".join(name.strip()[:40] for name in names[:20])
        raise _invalid(f"has no column for {', '.join(missing)}: its first line is `{seen}`")
    for field in FIELDS:
        if fields.count(field) > 1:
            twice = [name.strip() for name, found in zip(names, fields, strict=True) if found == field]
            raise _invalid(
                f"has the columns {' and '.join(twice)}, each of which could be the {field}; keep one of them"
            )
    return Header(delimiter, len(names), {field: fields.index(field) for field in FIELDS})


def _invalid(message: str) -> Invalid:
    return Invalid(f"The file {message}", errors=(InputError("/file", message),))
