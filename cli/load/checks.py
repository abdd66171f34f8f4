"""What each answer has to be: its status and, decoded, its body."""

from collections.abc import Callable, Collection
from typing import Literal, TypeVar

import msgspec

from cli.load.wire import Answer, Check, WrongAnswer

_T = TypeVar("_T")

LIMITED = "the platform limits how often an account or an address may ask: load with more --users, or raise its limits"


class _Problem(msgspec.Struct):
    title: str = ""


class Part(msgspec.Struct):
    """Part of Health."""

    status: str
    detail: str = ""


class Health(msgspec.Struct):
    """What /health says of a platform that serves."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_seconds: float
    checks: dict[str, Part]

    @property
    def failing(self) -> list[str]:
        """What is not well, and why."""
        return [f"{name} ({part.detail or part.status})" for name, part in self.checks.items() if part.status == "down"]


class ResponseTimes(msgspec.Struct):
    """Part of Metrics."""

    avg_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Machine(msgspec.Struct):
    """Part of Metrics."""

    cpu_percent: float
    memory_mb: float
    memory_percent: float


class Cache(msgspec.Struct):
    """Part of Metrics."""

    enabled: bool
    connected: bool
    used_memory: str | None
    total_keys: int | None
    hits: int
    misses: int
    hit_rate: float


class Metrics(msgspec.Struct):
    """What every JSON form of /metrics has."""

    uptime_seconds: float
    request_count: int
    requests_per_second: float
    response_times: ResponseTimes
    system: Machine
    cache: Cache


class Item(msgspec.Struct):
    """A strategy or a backtest."""

    id: str
    owner_id: str
    revision: int
    description: str = ""


class Page(msgspec.Struct):
    """A list."""

    items: list[Item]
    next_cursor: str | None


class Login(msgspec.Struct):
    """A session."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    refresh_token: str


_PROBLEM = msgspec.json.Decoder(_Problem)
_HEALTH = msgspec.json.Decoder(Health)
_METRICS = msgspec.json.Decoder(Metrics)
_ITEM = msgspec.json.Decoder(Item)
_PAGE = msgspec.json.Decoder(Page)
_LOGIN = msgspec.json.Decoder(Login)


def health(answer: Answer) -> None:
    """Raise WrongAnswer unless the platform serves."""
    _expect(answer, 200)
    _decode(_HEALTH, answer)


def metrics(answer: Answer) -> None:
    """Raise WrongAnswer unless every field is there."""
    _expect(answer, 200)
    _decode(_METRICS, answer)


def login(answer: Answer) -> None:
    """Raise WrongAnswer unless it is a session."""
    _expect(answer, 200)
    if _decode(_LOGIN, answer).access_token.count(".") != 2:
        raise WrongAnswer("a login without an access token")


def page_of(owner_id: str, known: Collection[str]) -> Check:
    """Return what a list has to be: the owner's own, and when there is no further page all that is `known`."""

    def check(answer: Answer) -> None:
        _expect(answer, 200)
        page = _decode(_PAGE, answer)
        if any(item.owner_id != owner_id for item in page.items):
            raise WrongAnswer("a list with something of another owner's")
        ids = {item.id for item in page.items}
        if page.next_cursor is None and not ids.issuperset(known):
            raise WrongAnswer("a list from which something is missing")
        if page.next_cursor is not None and not ids:
            raise WrongAnswer("an empty page that is not the last")

    return check


def item(item_id: str, owner_id: str) -> Check:
    """Return what a single resource has to be: the one that was asked for."""

    def check(answer: Answer) -> None:
        _expect(answer, 200)
        found = _decode(_ITEM, answer)
        if (found.id, found.owner_id) != (item_id, owner_id):
            raise WrongAnswer("another resource than the one that was asked for")

    return check


def created(then: Callable[[str], None]) -> Check:
    """Return what a creation has to be answered; `then` gets the id."""

    def check(answer: Answer) -> None:
        _expect(answer, 201)
        found = _decode(_ITEM, answer)
        if not found.id or not answer.headers.get("location", "").endswith(f"/{found.id}"):
            raise WrongAnswer("a creation without its Location")
        then(found.id)

    return check


def changed(item_id: str, description: str, then: Callable[[], None]) -> Check:
    """Return what a change has to be answered: the resource as it is now."""

    def check(answer: Answer) -> None:
        _expect(answer, 200)
        found = _decode(_ITEM, answer)
        if (found.id, found.description) != (item_id, description):
            raise WrongAnswer("a change that does not show in its own answer")
        then()

    return check


def deleted(answer: Answer) -> None:
    """Raise WrongAnswer unless it is gone."""
    _expect(answer, 204)


def _expect(answer: Answer, status: int) -> None:
    if answer.status == status:
        return
    if answer.status == 429:
        raise WrongAnswer(f"status 429: {LIMITED}")
    try:
        title = _PROBLEM.decode(answer.body).title
    except msgspec.DecodeError:
        title = ""
    raise WrongAnswer(f"status {answer.status}{title and f': {title}'}")


def _decode(decoder: msgspec.json.Decoder[_T], answer: Answer) -> _T:
    try:
        return decoder.decode(answer.body)
    except msgspec.DecodeError as error:
        raise WrongAnswer(f"another body: {error}") from error
