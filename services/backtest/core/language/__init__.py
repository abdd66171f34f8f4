"""The strategy language: a document of expressions is checked, hashed and bound to parameters.

Everything here stands on the standard library and the contracts, so that a service can check a strategy without
loading the engine.
"""

from services.backtest.core.language.bind import BoundStrategy
from services.backtest.core.language.check import check_spec
from services.backtest.core.language.checked import CheckedSpec
from services.backtest.core.language.errors import InvalidParams, InvalidSpec, SpecError

__all__ = ["BoundStrategy", "CheckedSpec", "InvalidParams", "InvalidSpec", "SpecError", "check_spec"]
