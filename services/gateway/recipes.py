"""How cached answers were made: what the service was asked, and in whose name, so that one can be made once more."""

import asyncio
from collections import OrderedDict
from typing import Any, Final, NamedTuple

from services.gateway.fetching import Asking, fetched
from shared.cache.reading import Fetched
from shared.cache.record import Entry
from shared.contracts.errors import ServiceError
from shared.contracts.messages import Request as Message
from shared.contracts.values import Principal

OBJECTS: Final = 1000
VARIANTS: Final = 4
"""So many answers are remembered of one object: those that were read last."""
AGAIN_SECONDS: Final = 0.5


class Recipe(NamedTuple):
    """What was asked for an answer, by whom. Whoever was given it may be given it again."""

    message: Message[Any]
    principal: Principal


class Recipes:
    """Of the objects that were read last, OBJECTS at most, which take a megabyte or two."""

    def __init__(self, caller: Asking) -> None:
        self._caller = caller
        self._known: OrderedDict[str, OrderedDict[str, Recipe]] = OrderedDict()

    def note(self, obj: str, variant: str, message: Message[Any], principal: Principal) -> None:
        """Remember how an answer was made."""
        known = self._known.setdefault(obj, OrderedDict())
        known[variant] = Recipe(message, principal)
        known.move_to_end(variant)
        if len(known) > VARIANTS:
            known.popitem(last=False)
        self._known.move_to_end(obj)
        if len(self._known) > OBJECTS:
            self._known.popitem(last=False)

    def objects(self) -> list[str]:
        """Return the names of the objects that something is remembered of."""
        return list(self._known)

    async def make_again(self, obj: str) -> list[tuple[str, Entry]]:
        """Return what the service answers now to what this process was asked last of an object, by variant.

        It is for who compares these answers with those of the caches, which they do not come near. What is not answered
        soon, or could not be cached, is left out.
        """
        recipes = dict(self._known.get(obj, {}))
        made = await asyncio.gather(*(self._made(obj, recipe) for recipe in recipes.values()))
        return [(variant, each.entry) for variant, each in zip(recipes, made, strict=True) if each and each.versioned]

    async def _made(self, obj: str, recipe: Recipe) -> Fetched | None:
        try:
            reply = self._caller.ask(recipe.message, recipe.principal, seconds=AGAIN_SECONDS)
            return await fetched(reply, obj, recipe.principal)
        except ServiceError:
            return None
