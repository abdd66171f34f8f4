"""Collaborators for tests: a clock set by hand, a validator without a parser."""

import hashlib

import msgspec

from shared.contracts.errors import InputError, ServiceError
from shared.contracts.values import JsonObject, SpecReport
from shared.runtime.bus.server import Call


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
