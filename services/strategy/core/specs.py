"""When a strategy's document is accepted, and when it counts as changed."""

import msgspec

from shared.contracts.errors import InvalidSpec
from shared.contracts.values import JsonObject, SpecReport


def accepted_hash(report: SpecReport) -> str:
    """Return the spec hash of a valid spec. Raises InvalidSpec with the parser's errors."""
    if not report.valid or report.spec_hash is None:
        number = len(report.errors)
        raise InvalidSpec(
            f"The spec has {number} error{'' if number == 1 else 's'}; correct it and send it again",
            errors=tuple(report.errors),
        )
    return report.spec_hash


def same_document(one: JsonObject, other: JsonObject) -> bool:
    """Say whether two specs are the same text: `let` is ordered, and 1, 1.0 and true differ, unlike in Python."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)
