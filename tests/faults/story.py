"""An honest run in miniature, in the three forms in which the checker is given one: journal, rows, deliveries."""

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checker import Evidence
from tests.faults.checker.answers import FaultRun
from tests.faults.checker.deliveries import read_deliveries
from tests.faults.checker.history import read_history
from tests.faults.checker.snapshot import Snapshot

LANE, OWNER = "lane-0-0", "owner-0"
STRATEGY, BACKTEST = "aurelius.events.strategy", "aurelius.events.backtest"
Line = dict[str, Any]


@dataclass
class Story:
    """What happened so far. Each method adds a line to every form that it belongs to, as a healthy system would."""

    journal: list[Line] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)
    snapshot: Snapshot = field(default_factory=Snapshot)
    faults: list[FaultRun] = field(default_factory=list)
    progressing: bool = False
    now: float = 100.0
    ops: int = 0

    def evidence(self) -> Evidence:
        """As the checker is given it."""
        journal = [json.dumps(line) for line in self.journal]
        log = [json.dumps(line) for line in self.log]
        return Evidence(
            read_history(journal), read_deliveries(log), self.snapshot, self.faults, 100.0, self.progressing
        )

    def ask(self, kind: str, method: str, *answers: Line | None, **fields: object) -> str:
        """One operation with the answer of each of its attempts; None for one that was never answered."""
        self.ops += 1
        op = f"{LANE}-{self.ops:05d}"
        begin = {"op": op, "lane": LANE, "owner": OWNER, "kind": kind, "method": method, "path": f"/{kind}"}
        self.line("begin", **begin, **fields)
        for attempt, answer in enumerate(answers, 1):
            self.line("send", op=op, attempt=attempt)
            if answer is None:
                self.line("failure", op=op, attempt=attempt, error="ReadTimeout: ")
            else:
                self.line("answer", op=op, attempt=attempt, digest="d", **copy.deepcopy(answer))
        return op

    def line(self, what: str, **fields: object) -> None:
        """One line of the journal."""
        self.now += 0.1
        self.journal.append({"what": what, "at": self.now, **fields})

    def event(self, kind: str, subject: str, *collections: str, stream: str = STRATEGY) -> None:
        """A committed change: the versions it raised, its outbox row, its delivery."""
        versions = self.snapshot.versions
        for name in (subject, *collections):
            versions[name] = versions.get(name, 0) + 1
        sequence = self.snapshot.sequences[stream] = self.snapshot.sequences.get(stream, 0) + 1
        event = f"{stream}#{sequence}"
        self.snapshot.outbox[stream, sequence] = event
        objects = {name: versions[name] for name in (subject, *collections)}
        data = json.dumps({"version": versions[subject], "objects": objects})
        fields = {"id": event, "type": kind, "subject": subject, "sequence": str(sequence), "data": data}
        self.log.append({"what": "event", "at": self.now, "stream": stream, "entry": f"{sequence}-0", "fields": fields})

    def created(self, number: int, *answers: Line | None) -> str:
        """A strategy that is created, at the attempt after those given."""
        found, mark = f"s{number}", f"{LANE}.{number}"
        body = {"id": found, "name": mark, "description": mark, "revision": 1}
        created = {"status": 201, "headers": {"ETag": f'"{found}-1"'}, "body": body}
        self.ask("strategy.create", "POST", *answers, created, mark=mark)
        row = {"id": found, "owner_id": OWNER, "name": mark, "description": mark, "revision": 1}
        self.snapshot.strategies[found] = row
        self.event("created", f"strategy:{found}", f"strategies:{OWNER}")
        return found

    def patched(self, strategy: str, number: int, *answers: Line | None, told: bool = True) -> None:
        """A change that happened, at the attempt after those given or, unless the client is `told`, at the last."""
        row = self.snapshot.strategies[strategy]
        row = {**row, "name": f"{LANE}.{number}", "revision": row["revision"] + 1}
        self.snapshot.strategies[strategy] = row
        tag = f'"{strategy}-{row["revision"]}"'
        answer = {"status": 200, "headers": {"ETag": tag}, "body": self.shown(strategy)}
        given = [*answers, answer] if told else [*answers]
        self.ask("strategy.patch", "PATCH", *given, subject=strategy, mark=row["name"])
        self.event("updated", f"strategy:{strategy}", f"strategies:{OWNER}")

    def deleted(self, strategy: str) -> None:
        """A deletion."""
        self.ask("strategy.delete", "DELETE", {"status": 204}, subject=strategy)
        del self.snapshot.strategies[strategy]
        self.event("deleted", f"strategy:{strategy}", f"strategies:{OWNER}")

    def read(self, strategy: str, *, kind: str = "strategy.read", token: bool = True) -> None:
        """A read of what is there."""
        there = strategy in self.snapshot.strategies
        answer = {"status": 200, "body": self.shown(strategy)} if there else {"status": 404, "body": {}}
        self.ask(kind, "GET", answer, subject=strategy, token=token)

    def listed(self) -> None:
        """A list of all strategies."""
        items = [self.shown(each) for each in self.snapshot.strategies]
        self.ask("strategy.list", "GET", {"status": 200, "items": items}, token=True)

    def shown(self, strategy: str) -> Line:
        """A strategy as an answer shows it."""
        row = self.snapshot.strategies[strategy]
        return {name: row[name] for name in ("id", "name", "description", "revision")}

    def ran(self, number: int, status: str = "succeeded", digest: str = "digest") -> str:
        """A backtest that was asked for and came to an end."""
        found = f"b{number}"
        self.ask("backtest.create", "POST", {"status": 202, "body": {"id": found, "status": "queued"}}, mark=number)
        self.snapshot.backtests[found] = {
            "id": found, "owner_id": OWNER, "status": status, "error": None, "result_digest": digest, "revision": 3,
            "run_identity": {"spec_hash": "h", "execution": {"initial_cash": float(number)}},
        }  # fmt: skip
        for kind in ("queued", "started", status):
            self.event(kind, f"backtest:{found}", f"backtests:{OWNER}", stream=BACKTEST)
        return found

    def cancelled(self, number: int) -> str:
        """A backtest that was cancelled."""
        found = self.ran(number, "cancelled")
        self.ask("backtest.cancel", "POST", {"status": 200, "body": {"id": found}}, subject=found)
        return found


UNAVAILABLE: Line = {"status": 503, "headers": {"Retry-After": "1"}, "body": {}}
LATE: Line = {"status": 504, "body": {}}


def honest() -> Story:
    """A bit of everything, faults included, with nothing wrong."""
    story = Story()
    first = story.created(1)
    story.read(first)
    story.faults.append(FaultRun("kill strategy-1", 101.5, 101.5, 2.0, 5.0, 200.0))
    story.now = 102.0
    second = story.created(2, UNAVAILABLE, None, LATE)
    third = story.created(3)
    story.patched(first, 4)
    story.read(first)
    story.listed()
    story.patched(second, 5, LATE, told=False)
    story.read(second)
    story.deleted(third)
    story.read(third)
    story.now = 110.0
    story.ask("strategy.read", "GET", {"status": 304}, subject=first, token=True, tag=f'"{first}-2"')
    story.ran(10)
    story.ran(11)
    cancelled = story.cancelled(12)
    story.ask("backtest.read", "GET", {"status": 200, "body": {"status": "cancelled"}}, subject=cancelled, token=True)
    items = [{"id": "b12"}, {"id": "b11"}, {"id": "b10"}]
    story.ask("backtest.list", "GET", {"status": 200, "items": items}, token=True)
    for strategy in list(story.snapshot.strategies):
        story.read(strategy, kind="final.read", token=False)
    return story
