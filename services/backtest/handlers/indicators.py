"""Indicators: what the functions of the strategy language are and do."""

from functools import cache
from typing import Literal

from services.backtest.core.language.functions import PUBLIC, Argument, Function, Role
from shared.contracts.messages import ListIndicators
from shared.contracts.values import Indicator, IndicatorArgument, IndicatorPage
from shared.runtime.bus.server import Answer, Call

_KINDS: dict[Role, Literal["series", "series or number", "condition", "whole number", "number"]] = {
    Role.SERIES: "series",
    Role.VALUE: "series or number",
    Role.CONDITION: "condition",
    Role.LENGTH: "whole number",
    Role.NUMBER: "number",
}


async def list_indicators(_: ListIndicators, __: Call) -> Answer:
    """Describe every function, the same for whoever asks."""
    return Answer(_catalogue())


@cache
def _catalogue() -> IndicatorPage:
    return IndicatorPage(items=[_indicator(function) for function in PUBLIC.values()])


def _indicator(function: Function) -> Indicator:
    return Indicator(
        name=function.name,
        signature=function.call_form,
        arguments=[_argument(argument) for argument in function.arguments],
        description=function.does,
        formula=function.shown,
        unit=function.unit,
        warmup=function.warmup,
        source=function.source,
    )


def _argument(argument: Argument) -> IndicatorArgument:
    return IndicatorArgument(
        name=argument.name,
        kind=_KINDS[argument.role],
        meaning=argument.meaning,
        minimum=argument.range.least if argument.range else None,
        maximum=argument.range.most if argument.range else None,
        optional=argument.optional,
    )
