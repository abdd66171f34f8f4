"""Opens an uploaded text file, compressed or not, and tells from its first bytes what cannot be a table of text."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from services.backtest.core.ingest.refusals import refused
from shared.contracts.errors import TooLarge

MIB = 1024**2
MAX_TEXT_BYTES = 2048 * MIB
"""As much text as five million rows of four hundred characters."""
ALWAYS_UNPACKED_BYTES = 64 * MIB
MAX_RATIO = 100
"""A table of numbers is packed to a tenth of its size at best; what unpacks to far more is made to keep us busy."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_WAYS_OUT = {
    b"PK\x03\x04": "is a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook; save the sheet as CSV",
    b"ARROW1": "is an Arrow or Feather file; write it as Parquet",
    b"ORC": "is an ORC file; write it as Parquet",
    b"Obj\x01": "is an Avro file; write it as Parquet",
    b"SQLite format 3": "is a SQLite database; export the table as CSV",
    b"\x89HDF": "is an HDF5 file; write the table as Parquet",
    b"\x28\xb5\x2f\xfd": "is compressed with Zstandard; upload it unpacked, or as gzip",
    b"BZh": "is compressed with bzip2; upload it unpacked, or as gzip",
    b"\xfd7zXZ": "is compressed with xz; upload it unpacked, or as gzip",
    b"7z\xbc\xaf": "is a 7-Zip archive; unpack it",
    b"%PDF": "is a PDF document; upload the table itself, as CSV",
}
_MARKUP = {
    b"<!doctype html": "is a web page, no table: the download may have needed a login; open it and see",
    b"<html": "is a web page, no table: the download may have needed a login; open it and see",
    b"<?xml": "is XML; write the table as CSV",
    b"{": "is JSON; write the table as CSV",
    b"[": "is JSON; write the table as CSV",
}
NO_TEXT = "is not UTF-8 text; save it as CSV in UTF-8"
_UTF_16 = "is UTF-16 text (Excel calls it Unicode); save it as CSV in UTF-8"
_DAMAGED = "is gzip that cannot be unpacked: it is damaged or cut off; compress it again"


class TextSource(io.RawIOBase):
    """The bytes of the text, without a byte order mark, read once from the beginning to the end.

    Raises TooLarge when there are more than `most`, Invalid when a compressed file is damaged.
    """

    def __init__(self, file: BinaryIO, most: int, *, compressed: bool) -> None:
        super().__init__()
        self.compressed = compressed
        self._file = file
        self._most = self._left = most
        self._first = True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, none at the end."""
        try:
            chunk = self._file.read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise refused(_DAMAGED) from error
        self._left -= len(chunk)
        if self._left < 0:
            unpacked = ", or upload it unpacked" if self.compressed else ""
            raise TooLarge(f"The file holds more than {self._most // MIB} MiB of text; split it{unpacked}")
        if self._first:
            self._first = False
            return chunk[len(_BOM) :] or self._file.read(size) if chunk.startswith(_BOM) else chunk
        return chunk

    def readable(self) -> bool:
        """Say so: Arrow asks."""
        return True


@contextmanager
def open_text(path: Path) -> Iterator[TextSource]:
    """Lend the text of a file, unpacked when it is gzip."""
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if compressed:
            most = min(MAX_TEXT_BYTES, ALWAYS_UNPACKED_BYTES + MAX_RATIO * path.stat().st_size)
            yield TextSource(cast("BinaryIO", gzip.GzipFile(fileobj=file)), most, compressed=True)
        else:
            yield TextSource(file, MAX_TEXT_BYTES, compressed=False)


def read_start(path: Path, size: int) -> str:
    """Return the beginning of the text, at most `size` bytes of it. Raises Invalid for what cannot be such a table."""
    with open_text(path) as source:
        start = _filled(source.read, size)
    for magic, way_out in _WAYS_OUT.items():
        if start.startswith(magic):
            raise refused(way_out)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or _every_other_is_nul(start):
        raise refused(_UTF_16)
    plain = start.lstrip()[:32].lower()
    for beginning, way_out in _MARKUP.items():
        if plain.startswith(beginning):
            raise refused(way_out)
    if b"\0" in start:
        raise refused("holds NUL bytes, which no text has: it is damaged, or no CSV file; write it again")
    try:
        # What is cut off in the middle of a character is no fault of the text's.
        return start.decode("utf-8", "strict" if len(start) < size else "ignore")
    except UnicodeDecodeError as error:
        raise refused(NO_TEXT) from error


def _filled(read: Callable[[int], bytes], size: int) -> bytes:
    start = b""
    while len(start) < size and (more := read(size - len(start))):
        start += more
    return start


def _every_other_is_nul(start: bytes) -> bool:
    part = start[:64]
    return len(part) >= 8 and (not any(part[1::2]) or not any(part[::2]))
