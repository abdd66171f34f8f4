"""Clients that write an owner's strategies, runs and name, and what no other write writes into them."""

import copy
from dataclasses import dataclass, field
from typing import Any

from tests.consistency.lanes import Writer
from tests.consistency.shown import PRECISION, accounts_in, runs_in, spec_mark, strategies_in
from tests.faults.load import SPEC

MOST_STRATEGIES, MOST_RUNS = 6, 4
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


@dataclass
class RunWriter(Writer):
    """Has small runs made, cancels some, and deletes them again."""

    KIND = "backtest"
    PAUSE = 0.4

    cash: dict[str, int] = field(default_factory=dict)
    """By id, of the runs that it made itself and has not cancelled."""

    async def step(self) -> None:
        """Keep a few that come and go."""
        runs = self.owner.live["backtest"]
        own = [each for each in runs if each in self.cash]
        if len(runs) < MOST_RUNS:
            await self.make()
        elif own and self.rng.random() < 0.3:
            await self.cancel(own[-1])
        else:
            oldest = runs[0]
            self.owner.ends("backtest", oldest)
            await self.delete(f"/backtests/{oldest}", f"backtest:{oldest}")

    async def make(self) -> None:
        """Have a run made, and now and then end it before it is done."""
        cash = LEAST_CASH + next(self.numbers)
        body = {"spec": SPEC, "dataset_id": self.owner.dataset, "execution": {"initial_cash": float(cash)}}
        asked = await self.change("POST", "/backtests", body, {}, runs_in, makes=(f"{cash} queued",))
        if asked.answer is not None and asked.status == 202:
            made = str(asked.answer.json()["id"])
            self.cash[made] = cash
            self.owner.has("backtest", made)
            if self.rng.random() < 0.3:
                await self.cancel(made)

    async def cancel(self, which: str) -> None:
        """End a run, which only one that goes on can be; nobody asks for it twice."""
        mark = f"{self.cash.pop(which)} cancelled"
        await self.change("POST", f"/backtests/{which}/cancel", None, {f"backtest:{which}": mark}, runs_in)


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
