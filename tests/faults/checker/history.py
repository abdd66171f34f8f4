"""The clients' journal, read back: operations, each with its attempts."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READS = frozenset({"GET"})


@dataclass(slots=True)
class Attempt:
    """One request: when it was sent, and when and how it ended; `status` is 0 when there was no answer."""

    sent: float
    ended: float | None = None
    status: int = 0
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    items: list[Mapping[str, Any]] | None = None
    digest: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether it was acknowledged."""
        return 200 <= self.status < 300

    @property
    def ambiguous(self) -> bool:
        """Whether what it asked for may have happened although it was not acknowledged."""
        return self.status == 0 or self.status >= 500 or (self.status == 409 and "Retry-After" in self.headers)


@dataclass(slots=True)
class Operation:
    """What a lane wanted, and each time it asked."""

    op: str
    lane: str
    owner: str
    kind: str
    method: str
    path: str
    began: float
    subject: str = ""
    mark: object = None
    match: str = ""
    tag: str = ""
    token: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method in READS

    @property
    def answer(self) -> Attempt | None:
        """The first acknowledgement."""
        return next((each for each in self.attempts if each.succeeded), None)

    @property
    def unknown(self) -> bool:
        """Whether it may have happened, or not."""
        return self.answer is None and any(each.ambiguous for each in self.attempts)

    @property
    def id(self) -> str:
        """Of what it created."""
        return str(self.answer.body.get("id", "")) if self.answer is not None else ""

    def lines(self) -> dict[str, Any]:
        """What a violation shows of it."""
        attempts = [
            {
                "sent": each.sent,
                "ended": each.ended,
                "status": each.status,
                "error": each.error,
                "body": dict(each.body),
            }
            for each in self.attempts
        ]
        return {
            "op": self.op, "kind": self.kind, "path": self.path, "subject": self.subject, "mark": self.mark,
            "attempts": attempts,
        }  # fmt: skip


def read_history(lines: Iterable[str]) -> list[Operation]:
    """The operations of a journal, in the order in which they began. The last line may be cut off."""
    operations: dict[str, Operation] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        what, op = entry["what"], entry.get("op", "")
        if what == "begin":
            operations[op] = Operation(
                op=op, lane=entry["lane"], owner=entry["owner"], kind=entry["kind"], method=entry["method"],
                path=entry["path"], began=entry["at"], subject=entry.get("subject", ""), mark=entry.get("mark"),
                match=entry.get("match", ""), tag=entry.get("tag", ""), token=entry.get("token", False),
                body=entry.get("body") or {},
            )  # fmt: skip
        elif what == "send":
            operations[op].attempts.append(Attempt(sent=entry["at"]))
        elif what in {"answer", "failure"}:
            attempt = operations[op].attempts[entry["attempt"] - 1]
            attempt.ended = entry["at"]
            attempt.status = entry.get("status", 0)
            attempt.error = entry.get("error", "")
            attempt.headers = entry.get("headers", {})
            attempt.body = entry.get("body", {})
            attempt.items = entry.get("items")
            attempt.digest = entry.get("digest", "")
    return list(operations.values())


def read_journal(path: Path) -> list[Operation]:
    """The operations in a file."""
    with path.open() as file:
        return read_history(file)
