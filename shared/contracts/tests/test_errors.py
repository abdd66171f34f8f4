"""Errors that cross the bus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import errors
from shared.contracts.errors import BY_KIND, ErrorBody, InputError, NotFound, ServiceError, Unavailable


def all_errors(kind: type[ServiceError]) -> list[type[ServiceError]]:
    """Return `kind` and every class under it."""
    return [kind, *(found for child in kind.__subclasses__() for found in all_errors(child))]


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_an_error_arrives_as_the_class_it_was_raised_as(kind: str) -> None:
    """With its sentence, the faults of the input and when to try again."""
    fault = InputError("/spec/entry", "close the parenthesis", line=1, column=9)
    raised = BY_KIND[kind]("it is so", errors=(fault,), retry_after=2.5)
    arrived = ErrorBody.of(raised).to_exception()
    assert type(arrived) is type(raised)
    assert (arrived.detail, arrived.errors, arrived.retry_after) == ("it is so", (fault,), 2.5)
    assert str(arrived) == "it is so"


def test_at_which_version_there_is_none_arrives() -> None:
    """It is what the absence may be cached by; without it nothing is."""
    arrived = ErrorBody.of(NotFound("gone", versions={"strategy:1": 7})).to_exception()
    assert isinstance(arrived, NotFound)
    assert arrived.versions == {"strategy:1": 7}
    assert NotFound("who knows").versions == {}


def test_every_error_can_travel() -> None:
    """A class that were missing in the table would arrive as an internal error."""
    declared = [found for found in all_errors(ServiceError) if found.__module__ == errors.__name__]
    assert {found.kind: found for found in declared} == BY_KIND
    assert len(declared) == len(BY_KIND)


@given(st.text())
def test_an_unknown_kind_is_an_internal_error(kind: str) -> None:
    """A newer service may know more kinds than this caller."""
    arrived = ErrorBody(kind, "who knows").to_exception()
    assert kind in BY_KIND or type(arrived) is ServiceError


def test_unavailable_says_when_to_come_back() -> None:
    """Unless told otherwise, after a second."""
    assert Unavailable("away").retry_after == 1.0
    assert ErrorBody.of(Unavailable("away", retry_after=None)).to_exception().retry_after is None


def test_statuses_are_those_of_http() -> None:
    """Client errors are the client's, the rest are ours, and each class says which."""
    statuses = {kind: error.status for kind, error in BY_KIND.items()}
    assert {kind for kind, status in statuses.items() if status >= 500} == {
        "internal", "unavailable", "given-up", "deadline-exceeded"
    }  # fmt: skip
    assert all(400 <= status < 600 and error.title for error in BY_KIND.values() for status in [error.status])
