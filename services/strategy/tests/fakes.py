"""Collaborators for tests: a clock set by hand, a validator without a parser."""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec

from shared.contracts.errors import InputError, ServiceError
from shared.contracts.values import JsonObject, SpecReport
from shared.runtime.bus.server import Call


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it was set to."""
        return self.time

    def monotonic(self) -> float:
        """The same in seconds."""
        return self.time.timestamp()

    def advance(self, **step: float) -> None:
        """Move by a step named as in timedelta."""
        self.time += timedelta(**step)


class FakeSpecValidator:
    """Takes a spec with an `entry_long`. The hash ignores the order of keys, as a canonical form does."""

    def __init__(self) -> None:
        self.failure: ServiceError | None = None

    async def validate(self, spec: JsonObject, call: Call) -> SpecReport:
        """Report on `spec`, or fail as told."""
        if self.failure is not None:
            raise self.failure
        return report_on(spec)


def report_on(spec: object) -> SpecReport:
    """What the fake parser says of a spec."""
    if not isinstance(spec, dict) or "entry_long" not in spec:
        return SpecReport(valid=False, errors=[InputError("/spec/entry_long", "say when to enter", line=1, column=1)])
    canonical = msgspec.json.encode(spec, order="sorted")
    return SpecReport(valid=True, warmup_bars=20, spec_hash=hashlib.sha256(canonical).hexdigest())
