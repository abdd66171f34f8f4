"""The space of a sweep as its request spells it: for whoever checks the request, and for whoever runs it."""

from services.backtest.core.language import CheckedSpec
from services.backtest.core.sweep.space import Space
from shared.contracts.sweep_values import SweepSample


def space_of(spec: CheckedSpec, grid: object, sample: SweepSample | None, seed: int) -> Space:
    """Return the combinations to be tried. Raises Invalid, with pointers under `/grid` and `/sample`."""
    wanted: dict[str, object] | None = None
    if sample is not None:
        wanted = {"n": sample.n} if sample.seed is None else {"n": sample.n, "seed": sample.seed}
    return Space.read(spec, grid, wanted, seed)
