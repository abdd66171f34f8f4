"""Clients that write an owner's strategies, datasets, runs, sweeps and name, and what no other write writes there."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.consistency.lanes import Writer
from tests.consistency.owner import UPLOADED, form_of
from tests.consistency.shown import (
    PRECISION,
    Found,
    accounts_in,
    bars_mark,
    datasets_in,
    runs_in,
    spec_mark,
    strategies_in,
    sweeps_in,
)
from tests.faults.load import SPEC

MOST_STRATEGIES, MOST_DATASETS = 6, 4
FEW_BARS = 5
LEAST_CASH = 10_000
DESCRIPTION = "x" * 1200
"""Long enough to be coded."""


def spec_of(number: int) -> dict[str, Any]:
    """A spec that no other number has."""
    spec: dict[str, Any] = copy.deepcopy(SPEC)
    spec["params"]["stop"]["default"] = number / PRECISION
    return spec


@dataclass
class StrategyWriter(Writer):
    """Renames strategies, gives them other specs, makes new ones and deletes those again."""

    KIND = "strategy"
    PAUSE = 0.04

    async def step(self) -> None:
        """Change one, most of the time."""
        chance = self.rng.random()
        if chance < 0.05:
            await self.give_spec(self.rng.choice(self.owner.live["strategy"]))
        elif chance < 0.2:
            await self.make_or_delete()
        else:
            await self.rename(self.rng.choice(self.owner.live["strategy"]))

    async def rename(self, which: str) -> None:
        """Give a strategy a name that no other write gives."""
        mark = f"{self.owner.name}.{next(self.numbers)}"
        await self.change("PATCH", f"/strategies/{which}", {"name": mark}, {f"strategy:{which}": mark}, strategies_in)

    async def give_spec(self, which: str) -> None:
        """Give a strategy a name and a spec at once."""
        mark, spec = f"{self.owner.name}.{next(self.numbers)}", spec_of(next(self.numbers))
        changes = {f"strategy:{which}": mark, f"versions:{which}": spec_mark(spec)}
        await self.change("PATCH", f"/strategies/{which}", {"name": mark, "spec": spec}, changes, strategies_in)

    async def make_or_delete(self) -> None:
        """Keep a few that come and go."""
        passing = [each for each in self.owner.live["strategy"] if each not in self.owner.kept]
        if len(passing) < MOST_STRATEGIES - len(self.owner.kept):
            await self.make()
        else:
            self.owner.ends("strategy", passing[0])
            await self.delete(f"/strategies/{passing[0]}", f"strategy:{passing[0]}", f"versions:{passing[0]}")

    async def make(self) -> None:
        """Store a strategy."""
        mark, spec = f"{self.owner.name}.{next(self.numbers)}", spec_of(next(self.numbers))
        body = {"name": mark, "description": DESCRIPTION, "spec": spec}
        asked = await self.change("POST", "/strategies", body, {}, strategies_in, makes=(mark, spec_mark(spec)))
        if asked.answer is not None and asked.status == 201:
            self.owner.has("strategy", str(asked.answer.json()["id"]))


def run_spec() -> dict[str, Any]:
    """A spec whose runs have trades, however few bars there are."""
    spec = spec_of(0)
    spec["params"]["fast"]["default"], spec["params"]["slow"]["default"] = 2, 5
    return spec


@dataclass
class DatasetWriter(Writer):
    """Uploads small datasets, and deletes them again; but for that they never change."""

    KIND = "dataset"
    PAUSE = 0.5

    async def step(self) -> None:
        """Keep a few that come and go."""
        passing = [each for each in self.owner.live["dataset"] if each != self.owner.dataset]
        if len(passing) < MOST_DATASETS - 1:
            await self.upload()
        else:
            self.owner.ends("dataset", passing[0])
            await self.delete(f"/datasets/{passing[0]}", f"dataset:{passing[0]}")

    async def upload(self) -> None:
        """Store bars that no other upload has."""
        number = next(self.numbers)
        mark, form = bars_mark(number), form_of(number, FEW_BARS)
        asked = await self.change("POST", "/datasets", form, {}, datasets_in, UPLOADED, makes=(mark,))
        if asked.answer is not None and asked.status == 201:
            self.owner.has("dataset", str(asked.answer.json()["id"]))


@dataclass
class RunWriter(Writer):
    """Has small runs made, cancels some, and deletes them again."""

    KIND = "backtest"
    PAUSE = 0.4
    PATH: ClassVar[str] = "/backtests"
    MOST: ClassVar[int] = 4
    WHAT: ClassVar[Mapping[str, object]] = {}
    """What is asked for besides the spec."""

    cash: dict[str, int] = field(default_factory=dict)
    """By id, of the runs that it made itself and has not cancelled."""

    async def step(self) -> None:
        """Keep a few that come and go."""
        runs = self.owner.live[self.KIND]
        own = [each for each in runs if each in self.cash]
        if len(runs) < self.MOST:
            await self.make()
        elif own and self.rng.random() < 0.3:
            await self.cancel(own[-1])
        else:
            oldest = runs[0]
            self.owner.ends(self.KIND, oldest)
            await self.delete(f"{self.PATH}/{oldest}", f"{self.KIND}:{oldest}")

    async def make(self) -> None:
        """Have a run made, and now and then end it before it is done."""
        cash = LEAST_CASH + next(self.numbers)
        execution = {"initial_cash": float(cash)}
        body = {"spec": run_spec(), "dataset_id": self.owner.dataset, "execution": execution, **self.WHAT}
        asked = await self.change("POST", self.PATH, body, {}, self.shown, makes=(f"{cash} queued",))
        if asked.answer is not None and asked.status == 202:
            made = str(asked.answer.json()["id"])
            self.cash[made] = cash
            self.owner.has(self.KIND, made)
            if self.rng.random() < 0.3:
                await self.cancel(made)

    async def cancel(self, which: str) -> None:
        """End a run, which only one that goes on can be; nobody asks for it twice."""
        mark = f"{self.cash.pop(which)} cancelled"
        await self.change("POST", f"{self.PATH}/{which}/cancel", None, {f"{self.KIND}:{which}": mark}, self.shown)

    def shown(self, value: Any) -> Found:
        """What an answer shows of runs."""
        return runs_in(value)


@dataclass
class SweepWriter(RunWriter):
    """Does the same with sweeps of two combinations, which the workers have to do as well: fewer."""

    KIND = "sweep"
    PAUSE = 1.5
    PATH = "/sweeps"
    MOST = 3
    WHAT: ClassVar[Mapping[str, object]] = {"grid": {"fast": {"start": 2, "stop": 3, "step": 1}}}

    def shown(self, value: Any) -> Found:
        """What an answer shows of sweeps."""
        return sweeps_in(value)


@dataclass
class NameWriter(Writer):
    """Gives the owner other names."""

    KIND = "user"
    PAUSE = 0.3

    async def step(self) -> None:
        """Give it one that no other write gives."""
        mark = f"{self.owner.name}.{next(self.numbers)}"
        asked = await self.change("PATCH", "/users/me", {"name": mark}, {f"user:{self.owner.id}": mark}, accounts_in)
        if asked.status == 401:
            await self.owner.log_in(self.gateway()[1])
