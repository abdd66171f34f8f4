"""Cached answers made once more: as they were made, in the name of who asked."""

import pytest

from services.gateway.recipes import OBJECTS, VARIANTS, Recipes
from services.gateway.tests.fakes import FakeServices
from shared.contracts.errors import NotFound, Unavailable
from shared.contracts.messages import ListStrategies, ReadStrategy
from shared.contracts.values import Principal

ANA, BOB = Principal(user_id="ana"), Principal(user_id="bob")
OBJECT, LIST = "strategy:1", "strategies:ana"


@pytest.fixture
def services() -> FakeServices:
    """Ana has a strategy."""
    services = FakeServices()

    def read(_: ReadStrategy, principal: Principal | None) -> tuple[object, dict[str, int]]:
        if principal != ANA:
            raise NotFound("There is no such resource")
        return {"name": "first"}, {OBJECT: 7}

    def list_all(message: ListStrategies, principal: Principal | None) -> tuple[object, dict[str, int]]:
        assert principal == ANA
        return [message.limit], {LIST: 3}

    services.handlers = {ReadStrategy.METHOD: read, ListStrategies.METHOD: list_all}
    return services


async def test_the_service_is_asked_the_same_in_the_same_name(services: FakeServices) -> None:
    """Each question by itself; the answer is an entry like any that is offered to the cache."""
    recipes = Recipes(services)
    recipes.note(OBJECT, "doc", ReadStrategy(id="1"), ANA)
    for limit in (10, 20):
        recipes.note(LIST, f"limit={limit}", ListStrategies(limit=limit), ANA)
    ((variant, entry),) = await recipes.make_again(OBJECT)
    assert (variant, entry.version, entry.owner, entry.body) == ("doc", 7, "ana", b'{"name":"first"}')
    made = await recipes.make_again(LIST)
    assert [(variant, entry.body) for variant, entry in made] == [("limit=10", b"[10]"), ("limit=20", b"[20]")]
    assert await recipes.make_again("strategy:2") == []


async def test_what_cannot_be_made_is_left_out(services: FakeServices) -> None:
    """Refused, not answered, or of no version; that it was deleted is an answer."""
    recipes = Recipes(services)
    recipes.note(OBJECT, "doc", ReadStrategy(id="1"), BOB)
    assert await recipes.make_again(OBJECT) == []
    recipes.note(OBJECT, "doc", ReadStrategy(id="1"), ANA)
    services.handlers[ReadStrategy.METHOD] = lambda *_: ({"name": "running"}, {})
    assert await recipes.make_again(OBJECT) == []

    def gone(_: ReadStrategy, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise NotFound("It was deleted", versions={OBJECT: 8})

    services.handlers[ReadStrategy.METHOD] = gone
    ((_, entry),) = await recipes.make_again(OBJECT)
    assert (entry.status, entry.version, entry.owner) == (404, 8, "")

    def away(_: ReadStrategy, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Unavailable("away")

    services.handlers[ReadStrategy.METHOD] = away
    assert await recipes.make_again(OBJECT) == []


async def test_those_of_the_last_reads_are_remembered(services: FakeServices) -> None:
    """Of each object a few, and of so many objects: memory is bounded, and so is what one question costs."""
    recipes = Recipes(services)
    for limit in (1, 2, 3, 4, 1, 5):
        recipes.note(LIST, f"limit={limit}", ListStrategies(limit=limit), ANA)
    assert [variant for variant, _ in await recipes.make_again(LIST)] == [f"limit={limit}" for limit in (3, 4, 1, 5)]
    assert VARIANTS == 4
    recipes.note(OBJECT, "doc", ReadStrategy(id="1"), ANA)
    for number in range(OBJECTS - 1):
        recipes.note(f"backtest:{number}", "doc", ReadStrategy(id="1"), ANA)
    assert len(await recipes.make_again(OBJECT)) == 1
    assert await recipes.make_again(LIST) == []
