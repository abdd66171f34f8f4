"""The right status with the right body counts, and nothing else."""

import json

import pytest

from cli.load import checks
from cli.load.tests.fake_platform import HEALTH, METRICS
from cli.load.wire import Answer, Check, WrongAnswer

MINE = {"id": "a", "owner_id": "me", "revision": 1, "description": "new"}
LOGIN = {"access_token": "a.b.c", "token_type": "bearer", "expires_in": 900, "refresh_token": "r"}
LIST = {"items": [MINE], "next_cursor": None}


def nothing(*_: str) -> None:
    """Hear nothing."""


RIGHT: dict[str, tuple[Check, int, object]] = {
    "health": (checks.health, 200, HEALTH),
    "metrics": (checks.metrics, 200, METRICS),
    "login": (checks.login, 200, LOGIN),
    "list": (checks.page_of("me", ["a"]), 200, LIST),
    "item": (checks.item("a", "me"), 200, MINE),
    "created": (checks.created(nothing), 201, MINE),
    "changed": (checks.changed("a", "new", nothing), 200, MINE),
    "deleted": (checks.deleted, 204, None),
}


def answer(status: int, value: object, location: str = "/api/v1/strategies/a") -> Answer:
    return Answer(status, {"location": location}, b"" if value is None else json.dumps(value).encode())


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_answer_passes(name: str) -> None:
    """Each kind has one."""
    check, status, value = RIGHT[name]
    check(answer(status, value))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 301, 304, 400, 401, 403, 404, 409, 429, 500, 502, 503])
@pytest.mark.parametrize("name", RIGHT)
def test_another_status_does_not(name: str, status: int) -> None:
    """Whatever the body: another success, or a 304 to who has nothing, is not what was asked for."""
    check, right, value = RIGHT[name]
    if status != right:
        with pytest.raises(WrongAnswer, match=f"status {status}"):
            check(answer(status, value))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<html>", b'{"items": [], "next_cursor": null', b"\xff"])
@pytest.mark.parametrize("name", [name for name in RIGHT if name != "deleted"])
def test_another_body_does_not(name: str, body: bytes) -> None:
    """An empty one, half of one, or one of something else."""
    check, status, _ = RIGHT[name]
    with pytest.raises(WrongAnswer, match="another body"):
        check(Answer(status, {"location": "/a"}, body))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("health", {**HEALTH, "status": "down"}),
        ("metrics", {name: value for name, value in METRICS.items() if name != "cache"}),
        ("metrics", {**METRICS, "system": {}}),
        ("login", {**LOGIN, "access_token": "a"}),
        ("list", {"items": [], "next_cursor": None}),
        ("list", {"items": [], "next_cursor": "b"}),
        ("list", {"items": [{**MINE, "id": "b"}], "next_cursor": None}),
        ("list", {"items": [MINE, {**MINE, "id": "b", "owner_id": "you"}], "next_cursor": None}),
        ("item", {**MINE, "id": "b"}),
        ("item", {**MINE, "owner_id": "you"}),
        ("created", {**MINE, "id": ""}),
        ("created", {**MINE, "id": "b"}),
        ("changed", {**MINE, "id": "b"}),
        ("changed", {**MINE, "description": "old"}),
    ],
)
def test_what_is_not_what_was_asked_for_does_not(name: str, value: object) -> None:
    """Another id, another owner's, something missing, a change that is not there."""
    check, status, _ = RIGHT[name]
    with pytest.raises(WrongAnswer):
        check(answer(status, value))


def test_who_creates_hears_the_id_of_what_is_right_only() -> None:
    """What was not created is neither changed nor deleted later."""
    heard: list[str] = []
    check = checks.created(heard.append)
    check(answer(201, MINE))
    with pytest.raises(WrongAnswer):
        check(answer(201, MINE, location="/api/v1/strategies/other"))
    assert heard == ["a"]
