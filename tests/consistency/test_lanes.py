"""The clients tell the truth: of a platform that is as it should be the checker finds nothing, whatever gets lost."""

import asyncio
import itertools
import random
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from tests.consistency.checker import check
from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.history import History, kind_of, read_journal
from tests.consistency.checker.tokens import OLDER_THAN_TOKEN
from tests.consistency.connection import Connection
from tests.consistency.fake_platform import FakePlatform
from tests.consistency.lanes import Lane
from tests.consistency.load import OF_AN_OWNER, OF_DEPUTY, OF_ROOT
from tests.consistency.owner import Owner
from tests.consistency.shown import account_mark, bars_mark
from tests.consistency.writers import RunWriter, spec_of
from tests.faults.journal import Journal

STEPS = 60
"""Of each lane."""


async def story_of(platform: FakePlatform, path: Path) -> History:
    """Have every kind of client do some things, and return what they wrote down."""
    roles = {"ann": "user", "bob": "user", "root": "admin", "deputy": "admin"}
    owners = {name: Owner(name, platform.register(name, role)) for name, role in roles.items()}
    journal, numbers, now = Journal(path), itertools.count(1), time.monotonic()
    for owner in owners.values():
        owner.authorization = {"Authorization": f"Bearer {platform.token(owner.id)}"}
        _begin(journal, owner, f"user:{owner.id}", account_mark(platform.accounts[owner.id]), now)
    lanes: list[Lane] = []
    for name, other in (("ann", "bob"), ("bob", "ann"), ("root", "deputy"), ("deputy", "root")):
        kinds = {"root": OF_ROOT, "deputy": OF_DEPUTY}.get(name, OF_AN_OWNER)
        gateways = {"gateway-1": cast("Connection", platform)}
        for number, kind in enumerate(kinds):
            rng = random.Random(f"{name}{number}")
            lanes.append(kind(f"{name}.{number}", owners[name], [owners[other]], gateways, journal, rng, numbers))
        if kinds is OF_AN_OWNER:
            _give_strategy(platform, owners[name], next(numbers), journal, now)
            _give_dataset(platform, owners[name], next(numbers), journal, now)
    await asyncio.gather(_work(platform, lanes), *(_steps(lane) for lane in lanes))
    journal.close()
    return read_journal(path)


async def _steps(lane: Lane) -> None:
    for _ in range(STEPS):
        await lane.step()
    lane.stopped = True


async def _work(platform: FakePlatform, lanes: list[Lane]) -> None:
    while not all(lane.stopped for lane in lanes):
        platform.work()
        await asyncio.sleep(0.005)


def _begin(journal: Journal, owner: Owner, key: str, mark: str, now: float) -> None:
    journal.write(
        "write", op="before", owner=owner.name, key=key, mark=mark, begin=now, end=now, status=200, revision=1
    )


def _give_strategy(platform: FakePlatform, owner: Owner, number: int, journal: Journal, now: float) -> None:
    name = f"{owner.name}.{number}"
    _, made = platform._make({"kind": "strategies", "sub": owner.id}, {"name": name, "spec": spec_of(number)})
    assert made is not None
    owner.has("strategy", made["id"])
    owner.kept = frozenset({made["id"]})
    _begin(journal, owner, f"strategy:{made['id']}", name, now)
    _begin(journal, owner, f"versions:{made['id']}", f"spec.{number}", now)


def _give_dataset(platform: FakePlatform, owner: Owner, number: int, journal: Journal, now: float) -> None:
    _, made = platform._make({"kind": "datasets", "sub": owner.id}, {"name": bars_mark(number)})
    assert made is not None
    owner.dataset = made["id"]
    owner.has("dataset", owner.dataset)
    _begin(journal, owner, f"dataset:{owner.dataset}", bars_mark(number), now)


@pytest.mark.parametrize("lost", [0.0, 0.1])
async def test_nothing_is_found_in_what_is_as_it_should_be(tmp_path: Path, lost: float) -> None:
    """Of any kind, though of every tenth request nobody knows whether it was done."""
    history = await story_of(FakePlatform(random.Random(1), lost), tmp_path / "journal.jsonl")
    assert check(Evidence(history)) == []
    made = {(kind_of(each.key), each.deletes) for each in history.writes if each.revision is not None}
    passing = ("strategy", "backtest", "sweep", "dataset", "session")
    assert made >= {(kind, deletes) for kind in passing for deletes in (True, False)}
    statuses = Counter(each.status for each in history.reads)
    assert statuses.keys() >= {200, 401, 403, 404}, "nothing was refused, or nothing was gone"
    assert {each.whole for each in history.reads} == {"", "strategy", "backtest", "sweep", "dataset", "user"}
    parts = {each.path.rpartition("/")[2] for each in history.reads if each.status == 200}
    assert parts >= {"equity?points=2", "trades?limit=1", "results?limit=1", "bars?limit=1"}


async def test_what_is_said_to_be_gone_is_what_was_deleted(tmp_path: Path) -> None:
    """Readers ask for it as for something that is gone, and for all the rest as for something that is there."""
    platform, journal = FakePlatform(random.Random(1)), Journal(tmp_path / "journal.jsonl")
    owner = Owner("ann", platform.register("ann", "user"))
    owner.authorization = {"Authorization": f"Bearer {platform.token(owner.id)}"}
    gateways = {"gateway-1": cast("Connection", platform)}
    lane = RunWriter("ann.0", owner, [], gateways, journal, random.Random(1), itertools.count(1))
    await _steps(lane)
    journal.close()
    deleted = [each.key for each in read_journal(journal.path).writes if each.deletes and each.revision is not None]
    assert len(deleted) > 6
    assert owner.gone_keys() == deleted[-6:]
    assert owner.live["backtest"] == list(platform.things["backtests"])


async def test_a_deletion_that_is_answered_and_not_done_is_found(tmp_path: Path) -> None:
    """In lists as in single answers."""
    history = await story_of(FakePlatform(random.Random(1), forgets=True), tmp_path / "journal.jsonl")
    found = [each for each in check(Evidence(history)) if each.rule == OLDER_THAN_TOKEN]
    assert {each.evidence[0]["whole"] for each in found} >= {"", "strategy"}
