"""Whose job is next: owners take turns, however many jobs one of them has."""

import asyncio
import heapq
import random
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from services.backtest.jobs import CARE_EVERY, NOBODY, Jobs, Taken
from services.backtest.store.jobs import Kind, Urgency, enqueue
from services.backtest.store.next_job import take_next_job
from services.backtest.tests.no_work import NoWork
from services.backtest.tests.steps import lapse
from shared.contracts.ids import new_id
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

Lease = Taken[None, None]


def crew(database: Database, size: int, seed: int = 0) -> list[Jobs]:
    """So many workers, each beginning its round somewhere else."""
    chance = random.Random(seed)
    works = [NoWork(Kind.BACKTEST), NoWork(Kind.REMOVAL)]
    return [Jobs(database, FakeClock(), works, served=str(UUID(int=chance.getrandbits(128)))) for _ in range(size)]


async def ask_for(
    database: Database,
    owner: str,
    jobs: int = 1,
    *,
    kind: Kind = Kind.BACKTEST,
    urgency: Urgency = Urgency.SINGLE,
) -> str:
    """Have so many jobs of an owner's wait; the subject that they are for."""
    subject = new_id()
    async with database.transaction() as connection:
        await enqueue(
            connection,
            subject=subject,
            kind=kind,
            owner_id=owner,
            urgency=urgency,
            now=FakeClock().now(),
            traceparent="",
            parts=jobs,
        )
    return subject


async def taken(worker: Jobs) -> Lease:
    """The job that is next for a worker, which there is."""
    found = await worker.take()
    assert found is not None
    return found


async def done(worker: Jobs, lease: Lease) -> None:
    """End a job."""
    assert await worker.succeed(lease, None) is not None


@pytest.mark.parametrize("seed", range(4))
async def test_ten_thousand_jobs_of_one_owner_hold_up_nobody(database: Database, seed: int) -> None:
    """With all workers at them, another owner's job begins as soon as any of them has done the one it is at."""
    ana, ben = new_id(), new_id()
    if seed % 2:
        ana, ben = ben, ana
    await ask_for(database, ana, 10_000)
    workers = crew(database, 4, seed)
    leases = [await taken(worker) for worker in workers]
    assert {lease.job.owner_id for lease in leases} == {ana}
    for place, worker in enumerate(workers):
        subject = await ask_for(database, ben, kind=Kind.BACKTEST, urgency=Urgency.BULK)
        await done(worker, leases[place])
        leases[place] = await taken(worker)
        assert leases[place].job.subject == subject
        await done(worker, leases[place])
        leases[place] = await taken(worker)
        assert leases[place].job.owner_id == ana


@pytest.mark.parametrize(("workers", "owners"), [(1, 2), (1, 7), (2, 3), (3, 3), (4, 2), (5, 9)])
async def test_owners_who_always_wait_are_served_alike(database: Database, workers: int, owners: int) -> None:
    """Whatever their jobs take, each is given its share of the workers' time, up to a job or two."""
    chance = random.Random(f"{workers} {owners}")
    names = [new_id() for _ in range(owners)]
    for place, name in enumerate(names):
        await ask_for(database, name, 60 + 400 * (place == 0))
    counts = await shares(crew(database, workers), dict.fromkeys(names, 1.0), 30 * owners, chance)
    assert max(counts.values()) - min(counts.values()) <= max(2, workers)
    assert len(counts) == owners


async def shares(workers: Sequence[Jobs], seconds: dict[str, float], jobs: int, chance: random.Random) -> Counter[str]:
    """How many of the first `jobs` jobs were whose, on a clock of the test's own."""
    counts: Counter[str] = Counter()
    busy: list[tuple[float, int, Lease]] = []
    for place, worker in enumerate(workers):
        heapq.heappush(busy, (chance.random(), place, await taken(worker)))
    while sum(counts.values()) < jobs:
        now, place, lease = heapq.heappop(busy)
        counts[lease.job.owner_id] += 1
        await done(workers[place], lease)
        lease = await taken(workers[place])
        took = seconds[lease.job.owner_id] * (0.9 + 0.2 * chance.random())
        heapq.heappush(busy, (now + took, place, lease))
    return counts


async def test_long_jobs_take_no_more_workers_than_short_ones(database: Database) -> None:
    """Of four workers two are at one owner's jobs and two at the other's, though one's take a hundred times as long."""
    slow, quick = new_id(), new_id()
    await ask_for(database, slow, 100)
    await ask_for(database, quick, 1000)
    counts = await shares(crew(database, 4), {slow: 100.0, quick: 1.0}, 400, random.Random(0))
    # In the time of two of its jobs, on two workers, the quick one has done two hundred.
    assert counts[slow] <= 6


async def test_workers_that_take_at_once_find_all_there_is(database: Database) -> None:
    """Each gets a job of its own, and none goes away empty because another was about to take the one it chose."""
    for _ in range(20):
        owners = [new_id() for _ in range(8)]
        for owner in owners:
            await ask_for(database, owner)
        # All alike, so that all choose the same owner first.
        workers = [Jobs(database, FakeClock(), [NoWork(Kind.BACKTEST)]) for _ in range(8)]
        leases = await asyncio.gather(*(worker.take() for worker in workers))
        assert {lease.job.owner_id for lease in leases if lease is not None} == set(owners)
        for worker, lease in zip(workers, leases, strict=True):
            assert lease is not None
            await done(worker, lease)


async def test_a_job_that_is_being_taken_is_passed_by(database: Database) -> None:
    """Whoever takes the next meanwhile waits for no lock of another worker."""
    await ask_for(database, new_id(), 2)
    (worker,) = crew(database, 1)
    async with database.transaction() as connection:
        first = await take_next_job(connection, list(Kind), NOBODY)
        assert first is not None
        second = await taken(worker)
        assert await worker.take() is None
    assert (second.job.subject, second.job.part) == (first.subject, first.part + 1)


async def test_what_a_dead_worker_had_goes_first(database: Database) -> None:
    """It has had its turn, whoever waits."""
    ana, ben = new_id(), new_id()
    subject = await ask_for(database, ana, 10)
    (worker,) = crew(database, 1)
    lost = await taken(worker)
    await ask_for(database, ben, 10)
    await lapse(database, subject)
    found = await taken(worker)
    assert (found.job.subject, found.job.part, found.job.lease) == (subject, lost.job.part, 2)


async def test_house_keeping_waits_for_what_was_asked_for_but_not_for_ever(database: Database) -> None:
    """A removal goes behind the jobs of all owners; while these never end, one in CARE_EVERY is a removal."""
    ana, ben = new_id(), new_id()
    await ask_for(database, ben, 3, kind=Kind.REMOVAL, urgency=Urgency.CARE)
    await ask_for(database, ana, CARE_EVERY)
    (worker,) = crew(database, 1)
    kinds = []
    while (lease := await worker.take()) is not None:
        kinds.append(lease.job.kind)
        await done(worker, lease)
    first = ["backtest"] * (CARE_EVERY - 1)
    assert kinds == [*first, "removal", "backtest", "removal", "removal"]
