"""An honest run in miniature, in the form of a journal: two owners with two strategies each, writes and reads."""

import random
from dataclasses import dataclass, field

import msgspec

from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.history import Applied, History, Hop, Line, Quiet, Read, Row, Source, Write

OWNERS = ("ann", "bob")
LEASE = 0.25


def key_of(owner: str, number: int) -> str:
    """The id of one of an owner's strategies."""
    return f"{owner}-{number}"


@dataclass
class Story:
    """What happened so far. Time goes on by 10 ms with each act; `values` is what the database holds."""

    lines: list[Line] = field(default_factory=list)
    values: dict[str, tuple[int, str]] = field(default_factory=dict)
    now: float = 100.0
    number: int = 0

    def evidence(self, *, is_strict: bool = True) -> Evidence:
        """As the checker is given it, by way of the journal's own form."""
        text = [msgspec.json.encode(line) for line in self.lines]
        decoder = msgspec.json.Decoder(Write | Read | Applied | Hop | Quiet | Row)
        return Evidence(History(decoder.decode(each) for each in text), is_strict, LEASE)

    def write(self, key: str, *, acknowledged: bool = True, done: bool = True) -> Write:
        """A change, its event applied soon after; one that is not acknowledged may have been `done`."""
        owner, begin = key.partition("-")[0], self._moment()
        mark = f"{owner}.{self._next()}"
        revision = self.values.get(key, (0, ""))[0] + 1
        if done:
            self.values[key] = revision, mark
        status, answered = (200, revision) if acknowledged else (503, None)
        line = Write(f"w{self.number}", owner, key, mark, begin, self._moment(), status, answered)
        self.lines.append(line)
        if done:
            self.lines.append(Applied(self._moment(), key, revision))
        return line

    def read(
        self, owner: str, *keys: str, source: Source = "l2", due: dict[str, int] | None = None, op: str = "r"
    ) -> Read:
        """An answer that shows what the database holds of each key."""
        begin = self._moment()
        found = {key: self.values[key] for key in keys}
        path = "/strategies" if len(keys) != 1 else f"/strategies/{keys[0]}"
        gateway = f"gateway-{1 + self.number % 2}"
        name, end = f"{op}{self._next()}", self._moment()
        line = Read(name, owner, gateway, path, begin, end, 200, source, keys, found, due or {})
        self.lines.append(line)
        return line

    def end(self) -> None:
        """All is quiet: the database is looked at, and each strategy is read once more."""
        for key, (revision, mark) in self.values.items():
            owner = key.partition("-")[0]
            self.read(owner, key, op="final")
            self.lines.append(Row(key, owner, revision, mark, revision))

    def _moment(self) -> float:
        self.now = round(self.now + 0.01, 4)
        return self.now

    def _next(self) -> int:
        self.number += 1
        return self.number


def honest(seed: int = 1, *, ended: bool = True) -> Story:
    """A few hundred operations, of every kind, each as it should be; `ended` with a look at what is left."""
    rng, story = random.Random(seed), Story()
    keys = {owner: [key_of(owner, number) for number in (1, 2)] for owner in OWNERS}
    for owner in OWNERS:
        for key in keys[owner]:
            story.write(key)
    began = story.now
    sources: tuple[Source, ...] = ("l1", "l2", "miss", "bypass")
    for _ in range(200):
        owner = rng.choice(OWNERS)
        key = rng.choice(keys[owner])
        act = rng.random()
        if act < 0.25:
            story.write(key, acknowledged=act > 0.04, done=act > 0.02)
        elif act < 0.75:
            due = {key: story.values[key][0]} if rng.random() < 0.5 else None
            story.read(owner, key, source=rng.choice(sources), due=due)
        elif act < 0.95:
            story.read(owner, *keys[owner], source=rng.choice(sources))
        else:
            story.lines.append(Hop(story.now, 0.001))
    story.lines += [Hop(story.now, 0.001), Quiet(began, story.now)]
    if ended:
        story.end()
    return story
