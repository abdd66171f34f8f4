"""Facts that services announce after they committed, as CloudEvents 1.0. Types and fields are an outside contract."""

from datetime import datetime
from typing import ClassVar

import msgspec

from shared.contracts.values import Value

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


class Event(Value, frozen=True, kw_only=True):
    """One committed change of one entity.

    `version` is the entity's object version after the change, `objects` every cache object the change raised
    with its new version, `changed` the names of the fields that changed. Never a secret.
    """

    TYPE: ClassVar[str]
    SOURCE: ClassVar[str]
    id: str
    owner: str
    version: int
    changed: list[str] = []
    objects: dict[str, int] = {}


class UserRegistered(Event, frozen=True, kw_only=True):
    """An account was opened."""

    TYPE = "aurelius.user.registered.v1"
    SOURCE = "strategy"


class UserUpdated(Event, frozen=True, kw_only=True):
    """An account changed; `changed` says what, and `password` alone that it is another one."""

    TYPE = "aurelius.user.updated.v1"
    SOURCE = "strategy"


class SessionRevoked(Event, frozen=True, kw_only=True):
    """A session ended before its time: by its owner, with the account, or since a refresh token was used twice."""

    TYPE = "aurelius.session.revoked.v1"
    SOURCE = "strategy"


class StrategyCreated(Event, frozen=True, kw_only=True):
    """A strategy was stored."""

    TYPE = "aurelius.strategy.created.v1"
    SOURCE = "strategy"


class StrategyUpdated(Event, frozen=True, kw_only=True):
    """A strategy changed; `changed` says what."""

    TYPE = "aurelius.strategy.updated.v1"
    SOURCE = "strategy"


class StrategyDeleted(Event, frozen=True, kw_only=True):
    """A strategy was deleted."""

    TYPE = "aurelius.strategy.deleted.v1"
    SOURCE = "strategy"


class DatasetCreated(Event, frozen=True, kw_only=True):
    """A dataset was stored."""

    TYPE = "aurelius.dataset.created.v1"
    SOURCE = "backtest"


class DatasetDeleted(Event, frozen=True, kw_only=True):
    """A dataset was deleted; what was computed on it stays."""

    TYPE = "aurelius.dataset.deleted.v1"
    SOURCE = "backtest"


class BacktestQueued(Event, frozen=True, kw_only=True):
    """A run was accepted."""

    TYPE = "aurelius.backtest.queued.v1"
    SOURCE = "backtest"


class BacktestStarted(Event, frozen=True, kw_only=True):
    """A worker took the run."""

    TYPE = "aurelius.backtest.started.v1"
    SOURCE = "backtest"


class BacktestSucceeded(Event, frozen=True, kw_only=True):
    """The run finished and its result is stored."""

    TYPE = "aurelius.backtest.succeeded.v1"
    SOURCE = "backtest"


class BacktestFailed(Event, frozen=True, kw_only=True):
    """The run ended without a result; the resource says why."""

    TYPE = "aurelius.backtest.failed.v1"
    SOURCE = "backtest"


class BacktestCancelled(Event, frozen=True, kw_only=True):
    """The run was ended before its end by who asked for it."""

    TYPE = "aurelius.backtest.cancelled.v1"
    SOURCE = "backtest"


class BacktestUpdated(Event, frozen=True, kw_only=True):
    """A finished run was verified, or is to be; `changed` says what of the resource differs."""

    TYPE = "aurelius.backtest.updated.v1"
    SOURCE = "backtest"


class BacktestDeleted(Event, frozen=True, kw_only=True):
    """The run was deleted with its result."""

    TYPE = "aurelius.backtest.deleted.v1"
    SOURCE = "backtest"


class SweepQueued(Event, frozen=True, kw_only=True):
    """A sweep was accepted."""

    TYPE = "aurelius.sweep.queued.v1"
    SOURCE = "backtest"


class SweepStarted(Event, frozen=True, kw_only=True):
    """A worker took the sweep."""

    TYPE = "aurelius.sweep.started.v1"
    SOURCE = "backtest"


class SweepSucceeded(Event, frozen=True, kw_only=True):
    """Every combination was computed and the results are stored."""

    TYPE = "aurelius.sweep.succeeded.v1"
    SOURCE = "backtest"


class SweepFailed(Event, frozen=True, kw_only=True):
    """The sweep ended without results; the resource says why."""

    TYPE = "aurelius.sweep.failed.v1"
    SOURCE = "backtest"


class SweepCancelled(Event, frozen=True, kw_only=True):
    """The sweep was ended before its end by who asked for it."""

    TYPE = "aurelius.sweep.cancelled.v1"
    SOURCE = "backtest"


class SweepDeleted(Event, frozen=True, kw_only=True):
    """The sweep was deleted with its results."""

    TYPE = "aurelius.sweep.deleted.v1"
    SOURCE = "backtest"


class StrategyRowsEdited(Event, frozen=True, kw_only=True):
    """Rows of one owner's were changed past the strategy service, by hand: `objects` says what of them shows it.

    `id` is the owner's, and `version` 0. One change may take several of these events.
    """

    TYPE = "aurelius.strategy_rows.edited.v1"
    SOURCE = "strategy"


class BacktestRowsEdited(Event, frozen=True, kw_only=True):
    """Rows of one owner's were changed past the backtest service, by hand; as with those of the strategy service."""

    TYPE = "aurelius.backtest_rows.edited.v1"
    SOURCE = "backtest"


EVENTS: tuple[type[Event], ...] = (
    UserRegistered,
    UserUpdated,
    SessionRevoked,
    StrategyCreated,
    StrategyUpdated,
    StrategyDeleted,
    DatasetCreated,
    DatasetDeleted,
    BacktestQueued,
    BacktestStarted,
    BacktestSucceeded,
    BacktestFailed,
    BacktestCancelled,
    BacktestUpdated,
    BacktestDeleted,
    SweepQueued,
    SweepStarted,
    SweepSucceeded,
    SweepFailed,
    SweepCancelled,
    SweepDeleted,
    StrategyRowsEdited,
    BacktestRowsEdited,
)
BY_TYPE: dict[str, type[Event]] = {event.TYPE: event for event in EVENTS}


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of one stream entry in CloudEvents binary mode; `data` is the JSON of an Event."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    sequence: int
    owner: str
    traceparent: str
    data: bytes

    @classmethod
    def from_entry(cls, fields: dict[bytes, bytes]) -> "CloudEvent":
        """Read a stream entry. Raises KeyError for a missing attribute, ValueError for a sequence that is no number."""

        def text(name: bytes) -> str:
            return fields[name].decode()

        return cls(
            id=text(b"id"),
            source=text(b"source"),
            type=text(b"type"),
            subject=text(b"subject"),
            time=text(b"time"),
            sequence=int(fields[b"sequence"]),
            owner=text(b"owner"),
            traceparent=fields.get(b"traceparent", b"").decode(),
            data=fields[b"data"],
        )

    def to_entry(self) -> dict[str, str | bytes]:
        """Return the fields of the stream entry. CloudEvents allows no empty attribute, so one may be missing."""
        entry: dict[str, str | bytes] = {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": CONTENT_TYPE,
            "dataschema": data_schema(self.type),
            "sequence": str(self.sequence),
            "owner": self.owner,
            "data": self.data,
        }
        if self.traceparent:
            entry["traceparent"] = self.traceparent
        return entry

    def event(self) -> Event | None:
        """Decode `data` by its type; None for a type this version does not know. Raises msgspec.ValidationError."""
        known = BY_TYPE.get(self.type)
        return None if known is None else msgspec.json.decode(self.data, type=known)


def data_schema(event_type: str) -> str:
    """Return the URI reference of the JSON schema of a type's data; of the document, for a type of a newer version."""
    known = BY_TYPE.get(event_type)
    return "/asyncapi.json" if known is None else f"/asyncapi.json#/components/schemas/{known.__name__}"


def rfc3339(moment: datetime) -> str:
    """Return an aware UTC time as RFC 3339 text with `Z`."""
    return moment.isoformat().replace("+00:00", "Z")
