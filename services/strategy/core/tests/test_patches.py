"""What a patch makes of a strategy."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from services.strategy.core.patches import changed_fields, patched
from shared.contracts.errors import Invalid
from shared.contracts.messages import PatchStrategy
from shared.contracts.values import JsonObject, Strategy

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = CREATED + timedelta(days=1)
BEFORE = Strategy(
    id="s",
    name="SMA cross",
    description="first",
    spec={"entry_long": "close > 1"},
    spec_hash="h1",
    version=4,
    revision=7,
    status="draft",
    owner_id="o",
    created_at=CREATED,
    updated_at=CREATED,
)
NAMES = st.one_of(st.just(UNSET), st.sampled_from(["SMA cross", " SMA cross ", "Other"]))
DESCRIPTIONS = st.one_of(st.just(UNSET), st.sampled_from(["first", "", "second"]))
SPECS = st.one_of(st.just(UNSET), st.sampled_from([BEFORE.spec, {"entry_long": "close > 2"}]))


def test_a_changed_name_raises_the_revision_only() -> None:
    """The spec, its hash and its version stay; the time of the change is the one given."""
    after = patched(BEFORE, PatchStrategy(id="s", name=" New "), None, NOW)
    assert after == msgspec.structs.replace(BEFORE, name="New", revision=8, updated_at=NOW)
    assert changed_fields(BEFORE, after) == ["name"]


def test_a_changed_spec_raises_the_version_too() -> None:
    """A new spec is a new version with a hash of its own."""
    spec: JsonObject = {"entry_long": "close > 2"}
    after = patched(BEFORE, PatchStrategy(id="s", spec=spec), "h2", NOW)
    assert (after.spec, after.spec_hash, after.version, after.revision) == (spec, "h2", 5, 8)
    assert changed_fields(BEFORE, after) == ["spec_hash", "version", "spec"]


def test_another_spelling_of_the_spec_is_a_version_with_the_same_hash() -> None:
    """What is read back is what was written, even where it means the same."""
    after = patched(BEFORE, PatchStrategy(id="s", spec={"entry_long": "close>1"}), "h1", NOW)
    assert (after.version, after.spec_hash) == (5, "h1")
    assert changed_fields(BEFORE, after) == ["version", "spec"]


def test_a_patch_that_says_what_is_there_changes_nothing() -> None:
    """The very same strategy comes back: no revision, no event."""
    same = PatchStrategy(id="s", name="SMA cross ", description="first", spec=dict(BEFORE.spec))
    assert patched(BEFORE, same, "h1", NOW) is BEFORE
    assert patched(BEFORE, PatchStrategy(id="s"), None, NOW) is BEFORE


def test_a_description_may_be_emptied_but_a_name_may_not() -> None:
    """A strategy always has a name to show."""
    assert patched(BEFORE, PatchStrategy(id="s", description=""), None, NOW).description == ""
    with pytest.raises(Invalid):
        patched(BEFORE, PatchStrategy(id="s", name="  "), None, NOW)


@given(name=NAMES, description=DESCRIPTIONS, spec=SPECS)
def test_counters_move_with_what_changed_and_a_repeat_changes_nothing(
    name: str | UnsetType, description: str | UnsetType, spec: JsonObject | UnsetType
) -> None:
    """The revision rises by one exactly when something differs, the version exactly when the spec does."""
    patch = PatchStrategy(id="s", name=name, description=description, spec=spec)
    after = patched(BEFORE, patch, "h", NOW)
    changed = changed_fields(BEFORE, after)
    assert after.revision - BEFORE.revision == bool(changed)
    assert after.version - BEFORE.version == ("spec" in changed)
    assert patched(after, patch, "h", NOW) is after
