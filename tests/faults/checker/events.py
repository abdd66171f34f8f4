"""Every committed change has one event, in order, and a repeat is identical."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.faults.checker.deliveries import Delivery
from tests.faults.checker.snapshot import Snapshot
from tests.faults.checker.violation import Violation

LOST = "an event is lost"
DOUBLED = "a change has two events"
DIFFERS = "a repeat is not identical"
ORDER = "an event is out of order"
NOWHERE = "an event is of nothing that was committed"
UNPUBLISHED = "an event was not published"
EVENTS = "aurelius.events."
SHOWN = 20


def check_events(deliveries: Sequence[Delivery], snapshot: Snapshot) -> Iterator[Violation]:
    """Compare what the consumer was given with what the database says was committed."""
    first: dict[tuple[str, int], Delivery] = {}
    for delivery in deliveries:
        known = first.setdefault((delivery.stream, delivery.sequence), delivery)
        if dict(known.fields) != dict(delivery.fields):
            lines = [dict(known.fields), dict(delivery.fields)]
            yield Violation(DIFFERS, f"{delivery.stream} {delivery.entry}", "its content differs", lines)
    yield from _check_sequences(first, snapshot)
    yield from _check_ids(first, snapshot)
    yield from _check_order(list(first.values()))
    yield from _check_versions(list(first.values()), snapshot)
    for row in snapshot.unpublished:
        if str(row["stream"]).startswith(EVENTS):
            yield Violation(UNPUBLISHED, str(row["subject"]), f"{row['type']} waits in the outbox", [dict(row)])


def _check_sequences(first: dict[tuple[str, int], Delivery], snapshot: Snapshot) -> Iterator[Violation]:
    for (stream, sequence), delivery in first.items():
        if delivery.entry != f"{sequence}-0" or delivery.fields.get("sequence") != str(sequence):
            detail = f"its sequence is {delivery.fields.get('sequence')}"
            yield Violation(DIFFERS, f"{stream} {delivery.entry}", detail, [dict(delivery.fields)])
        if sequence > snapshot.sequences.get(stream, 0):
            yield Violation(NOWHERE, f"{stream} {delivery.entry}", "its sequence was never given", [])
    for stream, last in snapshot.sequences.items():
        if stream.startswith(EVENTS):
            missing = [sequence for sequence in range(1, last + 1) if (stream, sequence) not in first]
            if missing:
                detail = f"{len(missing)} of {last} never came: {missing[:SHOWN]}"
                yield Violation(LOST, stream, detail, [snapshot.outbox.get((stream, each)) for each in missing[:SHOWN]])


def _check_ids(first: dict[tuple[str, int], Delivery], snapshot: Snapshot) -> Iterator[Violation]:
    places: dict[str, tuple[str, int]] = {}
    for place, delivery in first.items():
        event = delivery.fields["id"]
        if places.setdefault(event, place) != place:
            yield Violation(DOUBLED, event, f"it came as {places[event]} and as {place}", [dict(delivery.fields)])
        if place in snapshot.outbox and snapshot.outbox[place] != event:
            detail = f"the database has {snapshot.outbox[place]} there, and {event} came"
            yield Violation(NOWHERE, f"{place[0]} {place[1]}", detail, [dict(delivery.fields)])


def _check_order(first: Sequence[Delivery]) -> Iterator[Violation]:
    """Of each subject, by the first time each came."""
    before: dict[tuple[str, str], Delivery] = {}
    for delivery in first:
        subject = (delivery.stream, delivery.fields["subject"])
        earlier = before.get(subject)
        if earlier is not None:
            versions = (earlier.data["version"], delivery.data["version"])
            if delivery.sequence < earlier.sequence or versions[1] <= versions[0]:
                detail = f"{delivery.entry} (version {versions[1]}) came after {earlier.entry} (version {versions[0]})"
                yield Violation(ORDER, subject[1], detail, [dict(earlier.fields), dict(delivery.fields)])
        before[subject] = delivery


def _check_versions(first: Sequence[Delivery], snapshot: Snapshot) -> Iterator[Violation]:
    """Each version of each object is one event's."""
    raised: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for delivery in first:
        for name, version in delivery.data["objects"].items():
            raised[name][version].append(delivery.fields["id"])
    for name, last in snapshot.versions.items():
        missing = [version for version in range(1, last + 1) if version not in raised[name]]
        if missing:
            detail = f"versions {missing[:SHOWN]} of {last} have no event"
            yield Violation(LOST, name, detail, [])
    for name, versions in raised.items():
        for version, events in versions.items():
            if len(set(events)) > 1:
                yield Violation(DOUBLED, name, f"version {version} has {events}", [])
            if version > snapshot.versions.get(name, 0):
                yield Violation(NOWHERE, name, f"version {version} was never committed", [dict.fromkeys(events)])
