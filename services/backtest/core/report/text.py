"""Texts for people: numbers by their unit, and words of users made harmless."""

import html
import math

from shared.contracts.metrics import Unit

LONGEST = 300
"""Of a text that a user wrote, this many characters are shown."""
NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
WIDE = '<div class="wide" tabindex="0">'
"""Opens a box for what may be wider than the screen: it scrolls by itself, by the keyboard, too."""

_SHORT = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def escaped(text: object, longest: int = LONGEST) -> str:
    """The text for use in HTML, as content or as an attribute's value, cut when it is too long."""
    plain = str(text)
    return html.escape(plain if len(plain) <= longest else f"{plain[:longest]} …")


def percent(value: float, places: int = 2) -> str:
    """A fraction in percent, as in 12.34 %."""
    return f"{number(value * 100.0, places)} %"


def number(value: float, places: int = 2) -> str:
    """A number with thousands apart and a true minus, and with an exponent from 1e12 on."""
    text = f"{value:.3g}" if abs(value) >= 1e12 else f"{value:,.{places}f}"
    # A zero that rounding leaves of a negative number has no sign.
    return text.replace("-", MINUS) if float(text.replace(",", "")) != 0.0 else text.replace("-", "")


def price(value: float) -> str:
    """A price with six digits that count, and two decimals at least."""
    places = 5 - math.floor(math.log10(value)) if value > 0.0 else 2
    return number(value, max(2, places)) if places < 12 else f"{value:.6g}"


def short(value: float, step: float) -> str:
    """A number for an axis whose labels are `step` apart: 1.5M, 20k, 0.25."""
    for size, suffix in _SHORT:
        if abs(value) >= size or (value == 0.0 and step >= size):
            return number(value / size, _places(step / size)) + suffix if abs(value) < 1e15 else number(value)
    return number(value, _places(step))


def measured(value: float | int | None, unit: Unit) -> str:
    """A metric by its unit."""
    if value is None:
        return NOTHING
    if unit.startswith("fraction"):
        return percent(value)
    if unit in {"number", "bars"} and float(value).is_integer():
        return number(value, 0)
    return number(value, 2 if unit in {"money", "days", "bars", "bars per year"} else 3)


def _places(step: float) -> int:
    """How many decimals tell numbers apart that differ by `step`."""
    return max(0, min(9, -math.floor(math.log10(step) + 1e-9)))
