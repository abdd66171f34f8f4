"""Texts for people."""

import pytest

from services.backtest.core.report.text import MINUS, NOTHING, escaped, measured, number, percent, price, short
from shared.contracts.metrics import Unit


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234.50"), (-0.001, "0.00"), (-1234.5, f"{MINUS}1,234.50"), (1.5e15, "1.5e+15"), (0.0, "0.00")],
)
def test_a_number_is_written_for_people(value: float, text: str) -> None:
    """Thousands apart, a true minus, no minus before nothing, an exponent where digits would not be read."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (59.6870981, "59.6871"),
        (1.08474, "1.08474"),
        (0.000123456789, "0.000123457"),
        (65432.1, "65,432.10"),
        (0, "0.00"),
    ],
)
def test_a_price_keeps_the_digits_that_count(value: float, text: str) -> None:
    """A currency has more decimals than a share."""
    assert price(value) == text


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (1_500_000.0, 5e5, "1.5M"),
        (20_000.0, 5e3, "20k"),
        (0.25, 0.05, "0.25"),
        (0.0, 5e3, "0k"),
        (-3.0, 1.0, f"{MINUS}3"),
    ],
)
def test_an_axis_is_labelled_as_finely_as_it_is_marked(value: float, step: float, text: str) -> None:
    """As many decimals as tell two neighbours apart."""
    assert short(value, step) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.1234, "fraction", "12.34 %"),
        (0.1234, "fraction per year", "12.34 %"),
        (1234.567, "money", "1,234.57"),
        (85, "number", "85"),
        (2.5, "bars", "2.50"),
        (1.23456, "ratio", "1.235"),
        (None, "ratio", NOTHING),
    ],
)
def test_a_metric_is_shown_by_its_unit(value: float | None, unit: Unit, text: str) -> None:
    """Fractions in percent, and what is not defined as a dash."""
    assert measured(value, unit) == text


def test_what_a_user_wrote_is_harmless_and_short() -> None:
    """Neither a tag nor the end of an attribute, nor a text without end."""
    assert escaped("<script>\"'&") == "&lt;script&gt;&quot;&#x27;&amp;"
    assert len(escaped("x" * 10_000)) < 400
    assert percent(-0.5) == f"{MINUS}50.00 %"
