"""With which params a strategy is tried out: its defaults, then some drawn at random that it can be bound to."""

import math
import random
from collections.abc import Iterator

from services.backtest.core.language import BoundStrategy, CheckedSpec, InvalidParams
from services.backtest.core.language.params import Param
from services.backtest.core.language.tree import Scalar

DRAWS = 24
"""Draws until the search for combinations that the constraints allow is given up."""


def combinations(spec: CheckedSpec, rng: random.Random, most: int) -> Iterator[BoundStrategy]:
    """The strategy with its defaults, then with other params, each combination once, `most` in all."""
    bound, params = spec.bind(), sorted(spec.params.items())
    seen = [bound.params]
    yield bound
    for _ in range(DRAWS if params else 0):
        if len(seen) >= most:
            return
        try:
            # Half of them keep their defaults: where many constraints tie the params together, few draws are allowed.
            bound = spec.bind({name: _drawn(param, rng) for name, param in params if rng.random() < 0.5})
        except InvalidParams:
            continue
        if bound.params not in seen:
            seen.append(bound.params)
            yield bound


def _drawn(param: Param, rng: random.Random) -> Scalar:
    if param.type == "choice":
        return rng.choice(param.choices)
    if param.type == "bool":
        return rng.random() < 0.5
    default = float(param.default)
    reach = max(abs(default), 1.0)
    low = default - reach if param.minimum is None else param.minimum
    high = default + reach if param.maximum is None else param.maximum
    if param.type == "int":
        return rng.randint(math.ceil(low), math.floor(high))
    # By shares, for the width of two floats may be more than a float holds.
    share = rng.random()
    return low * (1.0 - share) + high * share
