"""An honest run in miniature, in the form of a journal: owners with strategies, runs, sessions and accounts."""

import random
from collections.abc import Set
from dataclasses import dataclass, field

import msgspec

from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.history import (
    GONE,
    THERE,
    Applied,
    History,
    Hop,
    Line,
    Quiet,
    Read,
    Row,
    Source,
    Write,
    kind_of,
)

OWNERS = ("ann", "bob")
ADMINISTRATOR = "root"
LEASE = 0.25


def key_of(owner: str, number: int, kind: str = "strategy") -> str:
    """The key of one of the things of an owner."""
    return f"{kind}:{owner}-{number}"


def account_of(owner: str) -> str:
    """The key of an owner's account."""
    return key_of(owner, 0, "user")


def owner_of(key: str) -> str:
    """Whose a key is."""
    return key.partition(":")[2].partition("-")[0]


def path_of(key: str) -> str:
    """Where a key is read."""
    kind, _, which = key.partition(":")
    return {"session": "/auth/refresh", "user": "/users/me"}.get(kind, f"/{kind}/{which}")


@dataclass
class Story:
    """What happened so far. Time goes on by 10 ms with each act; `values` is what the database holds."""

    lines: list[Line] = field(default_factory=list)
    values: dict[str, tuple[int, str]] = field(default_factory=dict)
    now: float = 100.0
    number: int = 0

    def evidence(self, *, lax: Set[str] = frozenset()) -> Evidence:
        """As the checker is given it, by way of the journal's own form."""
        text = [msgspec.json.encode(line) for line in self.lines]
        decoder = msgspec.json.Decoder(Write | Read | Applied | Hop | Quiet | Row)
        return Evidence(History(decoder.decode(each) for each in text), lax, LEASE)

    def write(self, key: str, *, acknowledged: bool = True, done: bool = True, after: str = "") -> Write:
        """A change, its event applied soon after; one that is not acknowledged may have been `done`.

        `after` is the rest of the mark: what becomes of the key besides its name.
        """
        begin = self._moment()
        mark = f"{owner_of(key)}.{self._next()}{after}"
        revision = self.values.get(key, (0, ""))[0] + 1
        if done:
            self.values[key] = revision, mark
        return self._written(key, mark, begin, revision, acknowledged=acknowledged, done=done)

    def delete(self, key: str, *, acknowledged: bool = True) -> Write:
        """A deletion, its event applied soon after."""
        del self.values[key]
        return self._written(key, "", self._moment(), GONE, acknowledged=acknowledged, deletes=True)

    def read(
        self, owner: str, *keys: str, source: Source = "l2", due: dict[str, int] | None = None, op: str = "r"
    ) -> Read:
        """An answer that shows what the database holds of each key; 404 for none."""
        found = {key: self.values[key] for key in keys if key in self.values}
        return self._answered(Read("", owner, "", path_of(keys[0]), 0, 0, 200, source, keys, "", found, due or {}), op)

    def list(self, owner: str, kind: str = "strategy", *, source: Source = "l2", op: str = "r") -> Read:
        """An answer that shows all that an owner has of a kind, or of accounts all there are."""
        found = {
            key: value
            for key, value in self.values.items()
            if kind_of(key) == kind and (kind == "user" or owner_of(key) == owner)
        }
        path = "/users?" if kind == "user" else f"/{kind}?"
        return self._answered(Read("", owner, "", path, 0, 0, 200, source, (), kind, found, {}), op)

    def use(self, key: str) -> Read:
        """A session is used, and refused when there is none."""
        is_open = key in self.values
        found = {key: (THERE, "")} if is_open else {}
        status = 200 if is_open else 401
        return self._answered(Read("", owner_of(key), "", path_of(key), 0, 0, status, "", (key,), "", found, {}), "r")

    def refuse(self, owner: str) -> Read:
        """An owner asks for its account, and is refused."""
        account = account_of(owner)
        return self._answered(Read("", owner, "", path_of(account), 0, 0, 401, "", (account,), "", {}, {}), "r")

    def end(self) -> None:
        """All is quiet: the database is looked at, and everything is read once more."""
        for owner in OWNERS:
            self.list(owner, op="final")
        for key, (revision, mark) in self.values.items():
            if kind_of(key) != "session":
                self.read(owner_of(key), key, op="final")
                self.lines.append(Row(key, owner_of(key), revision, mark, revision))

    def _answered(self, read: Read, op: str) -> Read:
        begin, number = self._moment(), self._next()
        status = 404 if read.keys and not read.found and read.status == 200 else read.status
        gateway, end = f"gateway-{1 + number % 2}", self._moment()
        line = msgspec.structs.replace(read, op=f"{op}{number}", gateway=gateway, begin=begin, end=end, status=status)
        self.lines.append(line)
        return line

    def _written(
        self,
        key: str,
        mark: str,
        begin: float,
        revision: int,
        *,
        acknowledged: bool,
        done: bool = True,
        deletes: bool = False,
    ) -> Write:
        status, answered = (200, revision) if acknowledged else (503, None)
        op = f"w{self._next()}"
        line = Write(op, owner_of(key), key, mark, begin, self._moment(), status, answered, deletes)
        self.lines.append(line)
        if done:
            self.lines.append(Applied(self._moment(), key, revision))
        return line

    def _moment(self) -> float:
        self.now = round(self.now + 0.01, 4)
        return self.now

    def _next(self) -> int:
        self.number += 1
        return self.number


def honest(seed: int = 1, *, ended: bool = True) -> Story:
    """A few hundred operations, of every kind, each as it should be; `ended` with a look at what is left."""
    story, rng = Story(), random.Random(seed)
    for owner in (*OWNERS, ADMINISTRATOR):
        story.write(account_of(owner), after=" user active" if owner in OWNERS else " admin active")
    for owner in OWNERS:
        for number in (1, 2):
            story.write(key_of(owner, number))
    began = story.now
    for number in range(200):
        _act(story, rng, rng.choice(OWNERS), number)
    story.lines += [Hop(story.now, 0.001), Quiet(began, story.now)]
    if ended:
        story.end()
    return story


def _act(story: Story, rng: random.Random, owner: str, number: int) -> None:
    key, act = key_of(owner, rng.choice((1, 2))), rng.random()
    source: Source = rng.choice(("l1", "l2", "miss", "bypass"))
    if act < 0.2:
        story.write(key, acknowledged=act > 0.04, done=act > 0.02)
    elif act < 0.5:
        due = {key: story.values[key][0]} if rng.random() < 0.5 else None
        story.read(owner, key, source=source, due=due)
    elif act < 0.7:
        story.list(owner, source=source)
    elif act < 0.8:
        passing = key_of(owner, 10 + number, rng.choice(("strategy", "backtest", "sweep", "dataset")))
        story.write(passing)
        story.list(owner, kind_of(passing), source=source)
        story.delete(passing, acknowledged=rng.random() < 0.8)
        story.read(owner, passing, source=source)
        story.list(owner, kind_of(passing), source=source)
    elif act < 0.85:
        session = key_of(owner, number, "session")
        story.write(session)
        story.use(session)
        story.delete(session)
        story.use(session)
    elif act < 0.95:
        _administer(story, rng, owner)
    else:
        story.lines.append(Hop(story.now, 0.001))


def _administer(story: Story, rng: random.Random, owner: str) -> None:
    """An account is closed and opened again; meanwhile its owner is refused."""
    account = account_of(owner)
    story.write(account, after=rng.choice((" user", " admin")) + " closed")
    story.refuse(owner)
    story.write(account, after=" user active")
    story.read(owner, account)
    story.list(ADMINISTRATOR, "user")
