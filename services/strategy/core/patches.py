"""What a patch makes of a strategy, and what it changed."""

from datetime import datetime

import msgspec
from msgspec import UNSET

from services.strategy.core.specs import same_document
from services.strategy.core.text import required_text, storable_text
from shared.contracts.messages import PatchStrategy
from shared.contracts.values import Strategy


def patched(current: Strategy, patch: PatchStrategy, spec_hash: str | None, now: datetime) -> Strategy:
    """Return the strategy after `patch`; `current` itself when nothing is different.

    `spec_hash` is that of the patch's spec, if it has one. Raises Invalid for a text that cannot be taken.
    """
    after = current
    if patch.name is not UNSET:
        after = msgspec.structs.replace(after, name=required_text("/name", patch.name))
    if patch.description is not UNSET:
        after = msgspec.structs.replace(after, description=storable_text("/description", patch.description))
    if patch.spec is not UNSET and not same_document(patch.spec, current.spec):
        after = msgspec.structs.replace(after, spec=patch.spec, spec_hash=spec_hash, version=current.version + 1)
    if not changed_fields(current, after):
        return current
    return msgspec.structs.replace(after, revision=current.revision + 1, updated_at=now)


def changed_fields(before: Strategy, after: Strategy) -> list[str]:
    """Return the names of the fields that differ, without those that every change moves."""
    plain = ("name", "description", "spec_hash", "version")
    changed = [field for field in plain if getattr(before, field) != getattr(after, field)]
    return changed if same_document(before.spec, after.spec) else [*changed, "spec"]
