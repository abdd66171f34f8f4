"""Which form of the metrics an Accept header asks for (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Form = Literal["prometheus", "openmetrics", "json"]

# OpenMetrics 1.0 is 0.0.1, which older scrapers ask for and want named, with nothing changed in what we send.
_OPENMETRICS: Final = ("1.0.0", "0.0.1")
# Java's own client writes `q=.2`.
_WEIGHT: Final = re.compile(r"0?\.[0-9]+|0\.?|1(\.0*)?")


class Wanted(NamedTuple):
    """A form, and the Content-Type that it is sent with."""

    form: Form
    media_type: str


_JSON: Final = Wanted("json", "application/json")
_TEXT: Final = Wanted("prometheus", "text/plain; version=0.0.4; charset=utf-8")
# Of those that a client wants as much by one range, such as `*/*`, the first is given.
_ALL: Final = (
    _JSON,
    _TEXT,
    *(Wanted("openmetrics", f"application/openmetrics-text; version={each}; charset=utf-8") for each in _OPENMETRICS),
)


class _Range(NamedTuple):
    media: str
    version: str
    weight: float

    def matches(self, offered: Wanted) -> bool:
        """Say whether it speaks of this form. Other parameters, such as `escaping`, change nothing in what we send."""
        media, _, parameters = offered.media_type.partition(";")
        if self.media in {"*/*", f"{media.partition('/')[0]}/*"}:
            return True
        versioned = bool(self.version) and offered.form == "openmetrics"
        return self.media == media and (not versioned or f"version={self.version};" in parameters)

    @property
    def precision(self) -> int:
        """How much it says: one media type more than a family of them, and that more than all."""
        return 2 - self.media.count("*")


def wanted(accept: str) -> Wanted:
    """Return the form that a client wants most; JSON for no preference, and for what we do not have.

    Several headers are to be joined with commas. Each form has the weight of the range that speaks of it most
    precisely, so that `*/*` does not let in what is refused by name. Of equal weights the one that is named counts,
    the first of several.
    """
    ranges = list(_ranges(accept))
    best, best_rank = _JSON, (0.0, -1, 0)
    for offered in _ALL:
        matching = [(each.precision, -place, each.weight) for place, each in enumerate(ranges) if each.matches(offered)]
        if not matching:
            continue
        precision, place, weight = max(matching)
        if weight > 0 and (weight, precision, place) > best_rank:
            best, best_rank = offered, (weight, precision, place)
    return best


def _ranges(accept: str) -> Iterator[_Range]:
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        pairs = (each.partition("=") for each in parameters)
        told = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
        weight = told.get("q", "1")
        yield _Range(media, told.get("version", ""), float(weight) if _WEIGHT.fullmatch(weight) else 0.0)
