"""Clients that read: all that an owner has, by itself and in lists, and what is another's or not there any more."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from tests.consistency.checker.history import kind_of
from tests.consistency.connection import Connection
from tests.consistency.lanes import READ_SECONDS, Asked, Lane
from tests.consistency.owner import Token
from tests.consistency.shown import (
    Found,
    Shows,
    accounts_in,
    bars_of,
    combinations_of,
    curve_of,
    datasets_in,
    newest_version_in,
    runs_in,
    strategies_in,
    sweeps_in,
    trades_of,
    version_in,
)

STRATEGY_LISTS = ("?limit=200", "?limit=200&sort=name", "?limit=200&sort=-updated_at")
RUN_LISTS = ("?limit=200", "?limit=200&sort=created_at")


class Question(NamedTuple):
    """What is read: the keys it is about, or of which kind it is the `whole` list, and how the answer shows them."""

    path: str
    keys: tuple[str, ...]
    shows: Shows
    whole: str = ""

    @property
    def kind(self) -> str:
        """What it is about."""
        return self.whole or next((kind_of(key) for key in self.keys), "")


def strategy(which: str) -> Question:
    """One strategy with its spec."""
    return Question(f"/strategies/{which}", (f"strategy:{which}", f"versions:{which}"), strategies_in)


def versions(which: str) -> Question:
    """All of its versions."""
    return Question(f"/strategies/{which}/versions", (f"versions:{which}",), newest_version_in)


def first_version(which: str) -> Question:
    """The first of them, which never changes, and ends with the strategy."""
    return Question(f"/strategies/{which}/versions/1", (f"versions:{which}",), version_in)


def strategy_list(query: str) -> Question:
    """All strategies."""
    return Question(f"/strategies{query}", (), strategies_in, "strategy")


def backtest(which: str) -> Question:
    """One run."""
    return Question(f"/backtests/{which}", (f"backtest:{which}",), runs_in)


def equity(which: str) -> Question:
    """Its curve, of two points."""
    return Question(f"/backtests/{which}/equity?points=2", (f"backtest:{which}",), curve_of(f"backtest:{which}"))


def trades(which: str) -> Question:
    """The first of its trades."""
    return Question(f"/backtests/{which}/trades?limit=1", (f"backtest:{which}",), trades_of(f"backtest:{which}"))


def backtest_list(query: str) -> Question:
    """All runs."""
    return Question(f"/backtests{query}", (), runs_in, "backtest")


def sweep(which: str) -> Question:
    """One sweep."""
    return Question(f"/sweeps/{which}", (f"sweep:{which}",), sweeps_in)


def combinations(which: str) -> Question:
    """The best of its combinations."""
    return Question(f"/sweeps/{which}/results?limit=1", (f"sweep:{which}",), combinations_of(f"sweep:{which}"))


SWEEPS = Question("/sweeps?limit=200", (), sweeps_in, "sweep")


def dataset(which: str) -> Question:
    """The description of one dataset."""
    return Question(f"/datasets/{which}", (f"dataset:{which}",), datasets_in)


def dataset_bars(which: str) -> Question:
    """The first of its bars."""
    return Question(f"/datasets/{which}/bars?limit=1", (f"dataset:{which}",), bars_of(f"dataset:{which}"))


DATASETS = Question("/datasets?limit=200", (), datasets_in, "dataset")


def own_account(user_id: str) -> Question:
    """The caller's account."""
    return Question("/users/me", (f"user:{user_id}",), accounts_in)


ALL_ACCOUNTS = Question("/users?limit=200", (), accounts_in, "user")


@dataclass
class AnyReader(Lane):
    """Reads with and without a token, now and then only if something has changed."""

    PAUSE = 0.004

    tags: dict[str, tuple[str, Found]] = field(default_factory=dict)
    """By path the last tag, and what it stands for."""

    async def step(self) -> None:
        """Read one thing."""
        question = self.choose()
        if question is not None:
            await self.look(self.next(), question, self._token(question))

    @abstractmethod
    def choose(self) -> Question | None:
        """What to read next; None for nothing that is there."""

    async def look(
        self, op: str, question: Question, token: Token | None = None, gateway: tuple[str, Connection] | None = None
    ) -> Asked:
        """Read once and write it down."""
        headers: dict[str, str] = {}
        tag, before = self.tags.get(question.path, ("", {}))
        if tag and self.rng.random() < 0.3:
            headers["If-None-Match"] = tag
        if self.rng.random() < 0.3:
            headers["Accept-Encoding"] = "gzip"
        if token is not None:
            headers["Consistency-Token"] = token.text
        asked = await self.ask("GET", question.path, None, headers, gateway=gateway, seconds=READ_SECONDS)
        found: Found = {}
        if asked.answer is not None and asked.status == 304:
            found = before
        elif asked.answer is not None and asked.status == 200:
            value = asked.answer.json()
            assert value.get("next_cursor") is None or not question.whole, "what there is does not fit on one page"
            found = question.shows(value)
            self.tags[question.path] = asked.answer.headers["etag"], found
        due = {} if token is None else _due(token, question)
        self.read(op, question.path, asked, question.keys, found, whole=question.whole, due=due)
        return asked

    def _token(self, question: Question) -> Token | None:
        kind = "strategy" if question.kind == "versions" else question.kind
        tokens = [token for token in self.owner.tokens.values() if token.kind == kind]
        return self.rng.choice(tokens) if tokens and self.rng.random() < 0.4 else None


def _due(token: Token, question: Question) -> dict[str, int]:
    if question.whole:
        return {key: revision for key, revision in token.due.items() if kind_of(key) == question.whole}
    return {key: token.due[key] for key in question.keys if key in token.due}


@dataclass
class Reader(AnyReader):
    """Reads what an owner has."""

    async def look(
        self, op: str, question: Question, token: Token | None = None, gateway: tuple[str, Connection] | None = None
    ) -> Asked:
        """Read once; what a list has that nobody was told of is known from now on."""
        asked = await super().look(op, question, token, gateway)
        if asked.answer is not None and asked.status == 200 and question.whole:
            for item in asked.answer.json()["items"]:
                self.owner.has(question.whole, str(item["id"]))
        if asked.status == 401:
            await self.owner.log_in(self.gateway()[1])
        return asked

    def choose(self) -> Question | None:
        """What there is, most of the time."""
        (choice,) = self.rng.choices(list(self.CHOICES), weights=list(self.CHOICES.values()))
        return choice(self)

    def everything(self) -> list[Question]:
        """One question for each thing there is, and each list."""
        live, gone = self.owner.live, self.owner.gone
        kinds = {"strategy": strategy, "backtest": backtest, "sweep": sweep, "dataset": dataset}
        each = [question(which) for kind, question in kinds.items() for which in (*live[kind], *gone[kind])]
        lists = [strategy_list("?limit=200"), backtest_list("?limit=200"), SWEEPS, DATASETS]
        return [*each, *map(versions, live["strategy"]), *lists, own_account(self.owner.id)]

    def _strategy(self) -> Question:
        return strategy(self.rng.choice(self.owner.live["strategy"]))

    def _versions(self) -> Question:
        return self.rng.choice((versions, first_version))(self.rng.choice(self.owner.live["strategy"]))

    def _gone(self) -> Question | None:
        asked: list[tuple[str, Callable[[str], Question]]] = [
            ("strategy", strategy), ("strategy", versions), ("strategy", first_version), ("backtest", backtest),
            ("backtest", equity), ("backtest", trades), ("dataset", dataset), ("dataset", dataset_bars),
            ("sweep", sweep), ("sweep", combinations),
        ]  # fmt: skip
        kind, ask = self.rng.choice(asked)
        return ask(self.rng.choice(self.owner.gone[kind])) if self.owner.gone[kind] else None

    def _strategies(self) -> Question:
        return strategy_list(self.rng.choice(STRATEGY_LISTS))

    def _run(self) -> Question | None:
        runs = self.owner.live["backtest"]
        return self.rng.choice((backtest, equity, trades))(self.rng.choice(runs)) if runs else None

    def _runs(self) -> Question:
        return backtest_list(self.rng.choice(RUN_LISTS))

    def _sweep(self) -> Question | None:
        sweeps = self.owner.live["sweep"]
        return self.rng.choice((sweep, combinations))(self.rng.choice(sweeps)) if sweeps else None

    def _sweeps(self) -> Question:
        return SWEEPS

    def _dataset(self) -> Question:
        return self.rng.choice((dataset, dataset_bars))(self.rng.choice(self.owner.live["dataset"]))

    def _datasets(self) -> Question:
        return DATASETS

    def _account(self) -> Question:
        return own_account(self.owner.id)

    def _foreign(self) -> Question | None:
        other = self.rng.choice(self.others)
        kind, ask = self.rng.choice(
            (("strategy", strategy), ("strategy", versions), ("backtest", backtest), ("dataset", dataset_bars))
        )
        if not other.live[kind]:
            return None
        question = ask(self.rng.choice(other.live[kind]))
        return question._replace(keys=())  # that it is not shown says nothing of whether it is there

    CHOICES: ClassVar[dict[Callable[["Reader"], Question | None], float]] = {
        _strategy: 25,
        _versions: 5,
        _gone: 10,
        _strategies: 15,
        _run: 9,
        _runs: 7,
        _sweep: 4,
        _sweeps: 3,
        _dataset: 5,
        _datasets: 6,
        _account: 7,
        _foreign: 5,
    }


@dataclass
class Overseer(AnyReader):
    """Reads all accounts, and its own, whether or not it may."""

    PAUSE = 0.03

    def choose(self) -> Question:
        """The list, most of the time."""
        return ALL_ACCOUNTS if self.rng.random() < 0.7 else own_account(self.owner.id)
