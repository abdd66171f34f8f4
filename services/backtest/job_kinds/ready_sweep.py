"""The sweep that a worker is at, ready to run: kept from slice to slice, so that a slice costs what it computes."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from services.backtest.core.bars import Bars
from services.backtest.core.language import CheckedSpec, check_spec
from services.backtest.core.sweep.run import Sweep
from services.backtest.files.dataset_file import dataset_key
from services.backtest.files.sweep_file import METRICS, PARAMS, VALID, Columns
from services.backtest.job_kinds.identities import OTHER_ENGINE, bars_of, identity_of
from services.backtest.store.sweep_runs import SweepTask
from services.backtest.sweep_space import space_of
from services.backtest.threads import in_thread, unless
from shared.contracts.errors import Invalid
from shared.contracts.sweep_values import SweepIdentity, SweepSample
from shared.runtime.objects import Objects

FIRST_WORK = 4_000_000
"""Bars times combinations that are computed before the first look at whether to go on."""
LOOK_SECONDS = 0.2
KEPT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class ReadySweep:
    """A sweep over bars that are mapped into memory. `slices` are the ranges of numbers it is divided into."""

    spec: CheckedSpec
    bars: Bars
    identity: SweepIdentity
    slices: tuple[tuple[int, int], ...]
    _sweep: Sweep
    # Whoever was told to stop may still be in the middle of a part.
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def computed(self, number: int, stop: threading.Event) -> list[Columns]:
        """Compute a slice, in parts of LOOK_SECONDS or so. Raises Stopped once `stop` is set."""
        return list(self._parts(*self.slices[number], stop))

    def _parts(self, start: int, end: int, stop: threading.Event) -> Iterator[Columns]:
        size = max(FIRST_WORK // len(self.bars), 1)
        between = unless(stop)
        while start < end:
            between()
            with self._turn:
                begun = time.monotonic()
                result = self._sweep.run(start, min(start + size, end), between)
                took = time.monotonic() - begun
            params = {f"{PARAMS}{name}": values for name, values in result.params.items()}
            metrics = {name: result.metric(name) for name in METRICS}
            yield {**params, **metrics, VALID: result.valid}
            start += size
            size = size * 2 if took < LOOK_SECONDS / 2 else max(size // 2, 1) if took > LOOK_SECONDS else size


class ReadySweeps:
    """Makes sweeps ready, and keeps the newest one until KEPT_SECONDS after its last use."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: tuple[str, ReadySweep] | None = None
        self._forgetting: asyncio.TimerHandle | None = None

    async def of(self, sweep_id: str, task: SweepTask) -> ReadySweep:
        """Return the sweep.

        Raises Invalid when it cannot be run as it was asked for, NotFound when the bars are not in the object store,
        and Unavailable when that does not answer.
        """
        if self._forgetting is not None:
            self._forgetting.cancel()
        if self._kept is None or self._kept[0] != sweep_id:
            self._kept = None
            self._kept = sweep_id, await self._made(task)
        self._forgetting = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget)
        ready = self._kept[1]
        if task.slices not in {None, len(ready.slices)}:
            raise Invalid(OTHER_ENGINE)
        return ready

    def _forget(self) -> None:
        self._kept = None

    async def _made(self, task: SweepTask) -> ReadySweep:
        identity = identity_of(task.run_identity, SweepIdentity)
        async with self._objects.as_file(dataset_key(identity.dataset_sha256)) as dataset:
            return await in_thread(_made, task, identity, dataset)


def _made(task: SweepTask, identity: SweepIdentity, dataset: Path) -> ReadySweep:
    bars = bars_of(identity, dataset, task.timezone)
    spec = check_spec(task.spec)
    sample = msgspec.convert(task.sample, SweepSample | None)
    sweep = Sweep(bars, identity.execution, space_of(spec, task.grid, sample, identity.seed))
    return ReadySweep(spec, bars, identity, tuple(sweep.slices()), sweep)
