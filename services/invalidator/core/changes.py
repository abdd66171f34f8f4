"""What an event says of the cache: which objects reached which version, and when."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from shared.contracts.events import CloudEvent
from shared.contracts.values import Value


class NotAnEvent(Exception):
    """The stream entry cannot be read as an event; trying again would not help."""


class Change(Value, frozen=True, kw_only=True):
    """The versions that objects reached with one event, and the event's time if it is one."""

    objects: dict[str, int]
    at: datetime | None


class _Data(Value, frozen=True, kw_only=True):
    """The part of every event's data that the cache needs, of known and unknown types alike."""

    objects: dict[str, int] = {}


_DATA = msgspec.json.Decoder(_Data)


def read_change(fields: Mapping[bytes, bytes]) -> Change:
    """Read a stream entry. Raises NotAnEvent."""
    try:
        event = CloudEvent.from_entry(dict(fields))
        objects = _DATA.decode(event.data).objects
    except KeyError as error:
        raise NotAnEvent(f"the attribute {error} is missing") from error
    except (ValueError, msgspec.DecodeError) as error:
        raise NotAnEvent(str(error)) from error
    return Change(objects=objects, at=_moment(event.time))


def newest(changes: Iterable[Change]) -> dict[str, int]:
    """Return the highest version of every object: applying it applies all before it."""
    versions: dict[str, int] = {}
    for change in changes:
        for obj, version in change.objects.items():
            versions[obj] = max(version, versions.get(obj, version))
    return versions


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
