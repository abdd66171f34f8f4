"""In which form a table is wanted: a page of JSON, or all of it as a file (RFC 9110, section 12.5.1)."""

from collections.abc import Iterator
from typing import Literal

from shared.contracts.messages import TableForm

Format = Literal["json", "csv", "arrow", "parquet"]

MEDIA_TYPES: dict[TableForm, str] = {
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
ENDINGS: dict[TableForm, str] = {"csv": "csv", "arrow": "arrows", "parquet": "parquet"}

# The likeliest first: of forms that are wanted as much, the first here is given.
_OFFERED: tuple[tuple[str, TableForm | None], ...] = (
    ("application/json", None),
    ("text/csv", "csv"),
    ("application/vnd.apache.arrow.stream", "arrow"),
    ("application/vnd.apache.parquet", "parquet"),
)


def table_form(accept: str, chosen: Format | None = None) -> TableForm | None:
    """Return the form that is `chosen`, or else the one that an Accept header prefers; None for JSON.

    JSON is for no preference, too, and for nothing that we have.
    """
    if chosen is not None:
        return None if chosen == "json" else chosen
    wanted = list(_ranges(accept)) or [("*/*", 1.0)]
    best, form = 0.0, None
    for media, offered in _OFFERED:
        quality = _quality(media, wanted)
        if quality > best:
            best, form = quality, offered
    return form


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media:
            yield media, _q(parameters)


def _q(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _quality(media: str, wanted: list[tuple[str, float]]) -> float:
    """The quality of the range that names a media type most closely."""
    for name in (media, f"{media.partition('/')[0]}/*", "*/*"):
        found = [quality for wanted_name, quality in wanted if wanted_name == name]
        if found:
            return max(found)
    return 0.0
