"""Specs: checking one without storing it."""

import asyncio

from services.backtest.core.language import check_spec
from shared.contracts.errors import InvalidSpec
from shared.contracts.messages import ValidateSpec
from shared.contracts.values import SpecReport
from shared.runtime.bus.server import Answer, Call


async def validate_spec(message: ValidateSpec, _: Call) -> Answer:
    """Report on a spec; one that is no strategy is an answer too."""
    try:
        # In a thread: the largest document the language reads takes a tenth of a second.
        spec = await asyncio.to_thread(check_spec, message.spec)
    except InvalidSpec as error:
        return Answer(SpecReport(valid=False, errors=list(error.errors)))
    return Answer(SpecReport(valid=True, warmup_bars=spec.warmup_bars, spec_hash=spec.spec_hash))
