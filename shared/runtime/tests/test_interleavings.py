"""Any interleaving of repeats, of processes that stand still, fail or die: one effect and one answer."""

import asyncio
import contextlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from shared.contracts.clock import SystemClock
from shared.contracts.errors import Invalid, KeyReused, StillInProgress, Unavailable
from shared.runtime import recorded_answers
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.once import Once
from shared.runtime.settings import DatabaseSettings
from shared.runtime.tests.making import ANA, BEN, Make, Maker, call_of, shown
from tests.clock import FakeClock
from tests.databases import service_url
from tests.depth import examples

pytestmark = pytest.mark.integration

MOST_AT_ONCE = 6
# A pool that would run out would make others wait for what no rule decides.
POOL = MOST_AT_ONCE + 2

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@dataclass(frozen=True)
class Thing:
    """What is to be there once: a request without a key, or all that one key's requests ask for."""

    owner: str
    key: str
    number: int


@dataclass
class Asked:
    """A request, and what its processes have answered it."""

    thing: Thing
    message: Make
    call: Call
    answers: list[str] = field(default_factory=list)


def clock(*, aged: bool) -> FakeClock:
    """The time of a process that is given a request at once, or after two seconds."""
    made = FakeClock()
    made.time = SystemClock().now() + timedelta(seconds=2 if aged else 0)
    return made


class Process:
    """Carries a request out as far as it is let: to its transaction, to the end of that, to its answer."""

    def __init__(self, machine: "Interleavings", asked: Asked, clock: FakeClock) -> None:
        self.asked = asked
        self.fails = False
        self._gate: asyncio.Event | None = None
        self._maker = Maker(machine.database, self._stop_here, self._stop_here)
        self._once = Once(machine.database, clock)(self._carry_out)
        self._task = asyncio.create_task(self._run())

    async def _carry_out(self, message: Make, call: Call) -> Answer:
        answer = await self._maker.make(message, call)
        await self._stop_here()
        return answer

    async def _stop_here(self) -> None:
        self._gate = asyncio.Event()
        await self._gate.wait()
        if self.fails:
            raise Invalid("as told")

    async def _run(self) -> None:
        with contextlib.suppress(StillInProgress, KeyReused, Unavailable, Invalid):
            answer = await self._once(self.asked.message, self.asked.call)
            self.asked.answers.append(json.dumps(shown(answer), sort_keys=True))

    @property
    def ended(self) -> bool:
        """Whether it has answered, or given up."""
        return self._task.done()

    @property
    def stands(self) -> bool:
        """Whether it waits to be let on."""
        return self._gate is not None and not self._gate.is_set()

    def go_on(self) -> None:
        """Let it do its next step."""
        if self._gate is not None:
            self._gate.set()

    async def die(self) -> None:
        """End it where it is: its connection is gone, and with it what it has not committed."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def check(self) -> None:
        """Raise what it failed with, other than what it may be told."""
        if not self._task.cancelled():
            self._task.result()


class Interleavings(RuleBasedStateMachine):
    """Requests of two owners with the same keys and without, each carried out by any number of processes."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(DatabaseSettings(database_url=self.url), "strategy", pool_size=POOL)
        self.runner.run(self.database.connect())
        self.history = uuid.uuid4().hex
        self.requests: list[Asked] = []
        self.processes: list[Process] = []

    def teardown(self) -> None:
        """Let all end, deliver each request once more, and see that each thing is there once."""
        try:
            self.runner.run(self.end())
            self.check_all()
        finally:
            self.runner.run(self.close())
            self.runner.close()

    async def close(self) -> None:
        """End what an assertion has left."""
        for process in self.processes:
            await process.die()
        await self.database.close()

    async def settle(self) -> None:
        """Wait until each process stands, has ended, or waits in the database for another."""
        while True:
            moving = [each for each in self.processes if not each.stands and not each.ended]
            if not moving:
                return
            async with self.database.reading() as connection:
                if await connection.fetchval(_WAITING) == len(moving):
                    return
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Let every process go on to its end, then carry out what nobody has."""
        await self.run_all()
        await self.free_keys()
        for asked in self.requests:
            self.processes.append(Process(self, asked, clock(aged=False)))
            await self.run_all()
        for process in self.processes:
            process.check()

    async def run_all(self) -> None:
        """Let all processes go on, one step each in turn, until none is left."""
        while self.alive:
            for process in self.alive:
                process.go_on()
                await self.settle()

    async def free_keys(self) -> None:
        """Let the time be up of whoever holds a key."""
        async with self.database.reading() as connection:
            await connection.execute("UPDATE request_answer SET held_until = now() - interval '1 ms'")

    def check_all(self) -> None:
        """The promises."""
        things: dict[Thing, set[str]] = {}
        for asked in self.requests:
            things.setdefault(asked.thing, set()).update(asked.answers)
            names = {json.loads(answer)[0]["name"] for answer in asked.answers}
            assert names <= {asked.message.name}, f"who asked for {asked.message.name} was shown {names}"
        for thing, answers in things.items():
            assert len(answers) == 1, f"{thing} was answered in {len(answers)} ways"
        shown_ids = {json.loads(answer)[0]["id"] for answers in things.values() for answer in answers}
        assert len(shown_ids) == len(things), "one thing was shown for two"
        assert sorted(self.runner.run(self.made())) == sorted(shown_ids), "what is there is not what was answered"

    async def made(self) -> list[str]:
        """The ids of all that this history has made."""
        async with self.database.reading() as connection:
            rows = await connection.fetch("SELECT subject FROM outbox WHERE owner LIKE '%' || $1", self.history)
        return [row["subject"].partition(":")[2] for row in rows]

    def deliver(self, asked: Asked, *, aged: bool) -> None:
        """Have a request carried out by one more process."""

        async def start() -> None:
            self.processes.append(Process(self, asked, clock(aged=aged)))
            await self.settle()

        self.runner.run(start())

    @property
    def standing(self) -> list[Process]:
        """The processes that wait to be let on."""
        return [process for process in self.processes if process.stands and not process.ended]

    @property
    def alive(self) -> list[Process]:
        """The processes that have not ended."""
        return [process for process in self.processes if not process.ended]

    @precondition(lambda self: len(self.alive) < MOST_AT_ONCE)
    @rule(owner=st.sampled_from([ANA, BEN]), key=st.sampled_from(["", "k"]), name=st.sampled_from(["one", "two"]))
    def send(self, owner: str, key: str, name: str) -> None:
        """A client sends a request; under a key, the same as before or another one."""
        thing = Thing(owner, key, number=0 if key else len(self.requests) + 1)
        asked = Asked(thing, Make(name=name), call_of(f"{owner} {self.history}", key=key, seconds=600))
        self.requests.append(asked)
        self.deliver(asked, aged=False)

    @precondition(lambda self: self.requests and len(self.alive) < MOST_AT_ONCE)
    @rule(data=st.data(), aged=st.booleans())
    def deliver_again(self, data: st.DataObject, aged: bool) -> None:
        """The bus gives a request to another process, whatever has become of the first."""
        self.deliver(data.draw(st.sampled_from(self.requests), "request"), aged=aged)

    @precondition(lambda self: self.standing)
    @rule(data=st.data())
    def let_on(self, data: st.DataObject) -> None:
        """A process does its next step."""
        data.draw(st.sampled_from(self.standing), "process").go_on()
        self.runner.run(self.settle())

    @precondition(lambda self: self.standing)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A process fails where it is, unless it has committed."""
        process = data.draw(st.sampled_from(self.standing), "process")
        process.fails = True
        process.go_on()
        self.runner.run(self.settle())
        process.fails = False

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        """A process dies where it is, also between COMMIT and answer."""
        self.runner.run(data.draw(st.sampled_from(self.alive), "process").die())
        self.runner.run(self.settle())

    @rule()
    def time_is_up(self) -> None:
        """Whoever holds a key has had its time, whether it is dead or only slow."""
        self.runner.run(self.free_keys())


def explore(url: str, *, tried: int, known: bool = False) -> None:
    """Try many interleavings, new ones each time. Raises AssertionError with the shortest that breaks a promise.

    `known`: the same ones each time, and the first that breaks a promise will do.
    """
    machine = type("Machine", (Interleavings,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=tried,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            database=None,
            derandomize=known,
            report_multiple_bugs=False,
            phases=[Phase.generate] if known else [Phase.generate, Phase.shrink],
        ),
    )


def test_whatever_is_repeated_has_one_effect_and_one_answer(owner_url: str) -> None:
    """Each request, and all of a key's, made one thing; all who were answered were shown that one, and it is there."""
    explore(service_url(owner_url, "strategy"), tried=examples(60))


_MISTAKES = {
    "whoever records second is not told": ("_ANSWER", "DO NOTHING", "DO UPDATE SET expires_at = excluded.expires_at"),
    "a key is taken over when it is answered": ("_HOLD", "a.body IS NULL AND", ""),
    "a key is answered by whom it was taken from": ("_ANSWER_HELD", "AND request_id = $2", "AND $2 <> ''"),
    "a key is answered twice": ("_ANSWER_HELD", "AND body IS NULL", ""),
    "a key is given up that is answered": ("_RELEASE", "AND body IS NULL", ""),
}


@pytest.mark.parametrize("mistake", _MISTAKES)
def test_each_mistake_is_found_out(owner_url: str, monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    """The search is strong enough: what is left out of a statement shows within its budget."""
    name, wanted, wrong = _MISTAKES[mistake]
    statement = getattr(recorded_answers, name)
    assert wanted in statement
    monkeypatch.setattr(recorded_answers, name, statement.replace(wanted, wrong))
    # Which of two that wait in the database goes first is the database's choice: a finding may not come twice.
    with pytest.raises((AssertionError, FlakyFailure)):
        explore(service_url(owner_url, "strategy"), tried=300, known=True)
