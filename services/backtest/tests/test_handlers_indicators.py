"""What a client is told of the functions of the language."""

import re

from services.backtest.core.language.functions import PUBLIC
from services.backtest.handlers.indicators import list_indicators
from services.backtest.tests.steps import call_of
from shared.contracts.messages import ListIndicators
from shared.contracts.values import Indicator, IndicatorArgument, IndicatorPage


async def _listed() -> dict[str, Indicator]:
    answer = await list_indicators(ListIndicators(), call_of(None))
    assert isinstance(answer.value, IndicatorPage)
    assert answer.value.next_cursor is None
    return {item.name: item for item in answer.value.items}


async def test_every_function_is_described() -> None:
    """Each that a spec may call is there once, and nothing about it is left out."""
    listed = await _listed()
    assert list(listed) == list(PUBLIC)
    for name, item in listed.items():
        assert item.signature.startswith(f"{name}(")
        assert all((item.description, item.formula, item.unit, item.warmup, item.source))
        assert all(argument.meaning for argument in item.arguments)


async def test_what_only_formulas_call_is_not_shown() -> None:
    """Neither as a function nor in the formula of one."""
    for item in (await _listed()).values():
        assert not re.search(r"\b_", f"{item.name} {item.formula}"), item.name


async def test_arguments_say_what_they_take() -> None:
    """Kind, bounds and whether they may be left out."""
    listed = await _listed()
    assert listed["bb_middle"].arguments == [
        IndicatorArgument(name="x", kind="series", meaning="the series"),
        IndicatorArgument(name="n", kind="whole number", meaning="bars in the window", minimum=1, maximum=5000),
        IndicatorArgument(name="k", kind="number", meaning="how many deviations from the middle", optional=True),
    ]
    assert [argument.kind for argument in listed["valuewhen"].arguments] == ["condition", "series", "whole number"]
    assert [argument.kind for argument in listed["max"].arguments] == ["series or number"] * 2
    assert [(argument.minimum, argument.maximum) for argument in listed["psar"].arguments] == [(0, 1), (0, 1)]
