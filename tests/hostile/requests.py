"""Whole requests around a document: with params, execution, grid and sample, which are hostile now and then too."""

from collections.abc import Callable, Iterable
from random import Random
from typing import Any, NamedTuple

import msgspec

from tests.hostile.documents import costly, sound
from tests.hostile.mutations import NUMBERS, any_document, any_value, changed, spelled

ROUTES = ("/strategies/validate", "/strategies", "/backtests", "/sweeps")

_ALLOWED: dict[str, tuple[Any, ...]] = {
    "initial_cash": (1e-300, 5e-324, 1e-9, 1.0, 1e4, 1e15),
    "fill": ("next_open", "close"),
    "side": (None, None, None, "both", "long", "short"),
    "fee_bps": (0, 10, 9999, 10_000, 1e-300),
    "fee_fixed": (0, 1e-300, 1, 1e15),
    "slippage_bps": (0, 5, 9999, 9999.999999999999, 1e-300),
    "borrow_bps_per_year": (0, 300, 1e6),
    "lot_size": (None, 1e-300, 5e-324, 1e-9, 1, 1e15, 1e300),
    "stop_rule": ("stop_first", "target_first"),
    "close_at_end": (True, False),
}
"""Terms of execution, most of them at the ends of what is allowed."""
_BEYOND: dict[str, tuple[Any, ...]] = {
    "initial_cash": (0, -1, 1e300), "fee_bps": (-1, 10_001), "fee_fixed": (1e16, -0.1), "slippage_bps": (10_000,),
    "borrow_bps_per_year": (1e7, 1e300), "lot_size": (0, -1e-300), "fill": ("open",), "unknown": (1,),
}  # fmt: skip


class Hostile(NamedTuple):
    """A request: where it goes, its body, and the document in it as it was spelled."""

    route: str
    body: bytes
    spec: bytes


def hostile(number: int, dataset_id: str) -> Hostile:
    """The request of this number, always the same one."""
    random = Random(number)
    document = _document(random)
    spec = spelled(random, document)
    route = ROUTES[number % len(ROUTES)]
    fields = [b'"spec":' + spec]
    if route == "/strategies":
        fields.append(b'"name":"S"')
    elif route != "/strategies/validate":
        fields += _of_a_run(random, document, route, dataset_id)
    random.shuffle(fields)
    return Hostile(route, b"{" + b",".join(fields) + b"}", spec)


def _document(random: Random) -> Any:  # any JSON value
    sort = random.random()
    if sort < 0.2:
        return any_document(random)
    if sort < 0.3:
        return costly(random)
    return sound(random) if sort < 0.6 else changed(random, sound(random))


def _of_a_run(random: Random, document: Any, route: str, dataset_id: str) -> list[bytes]:
    params = document.get("params") if isinstance(document, dict) else None
    params = params if isinstance(params, dict) else {}
    made: dict[str, Any] = {"dataset_id": dataset_id}
    if random.random() < 0.7:
        made["execution"] = execution(random)
    if random.random() < 0.05:
        name = random.choice(list(_BEYOND))
        made["execution"] = {name: random.choice(_BEYOND[name])}
    if random.random() < 0.1:
        made[random.choice(("start", "end"))] = random.choice(("2005-02-29", "2005-01-01", "0001-01-01", "9999-12-31"))
    if route == "/backtests":
        made["params"] = {name: value_for(random, params[name]) for name in params if random.random() < 0.5}
    else:
        made["grid"] = grid(random, params)
        made["sample"] = random.choice((None, None, {"n": 3}, {"n": 7, "seed": 1}, {"n": random.choice(NUMBERS)}))
        made["seed"] = random.choice((0, 7, 2**53 - 1))
    if random.random() < 0.1:
        made[random.choice(list(made))] = any_value(random)
    return [msgspec.json.encode(key) + b":" + spelled_soundly(value) for key, value in made.items()]


def spelled_soundly(value: Any) -> bytes:
    """A value as JSON; what has no spelling there is another hostile value."""
    try:
        return msgspec.json.encode(value)
    except (msgspec.EncodeError, UnicodeEncodeError, OverflowError):
        return b"1e999"


def execution(random: Random) -> dict[str, Any]:
    """Terms of execution that are allowed."""
    return {name: random.choice(_ALLOWED[name]) for name in random.sample(list(_ALLOWED), random.choice((1, 3, 10)))}


def grid(random: Random, params: dict[str, Any]) -> dict[str, Any]:
    """Values for some of the params."""
    chosen = random.sample(list(params), min(len(params), random.choice((0, 1, 2, 2, 3))))
    made = {name: _axis(random, params[name]) for name in chosen}
    return made if made or random.random() < 0.8 else {"unknown": [1]}


def _axis(random: Random, declared: Any) -> Any:
    ways: tuple[Callable[[], Any], ...] = (
        *[lambda: _distinct(value_for(random, declared) for _ in range(random.choice((1, 2, 3))))] * 6,
        lambda: [value_for(random, declared) for _ in range(2)],
        lambda: {"start": 1, "stop": random.choice((1, 4, 1e300)), "step": random.choice((1, 2, 0.1, 1e-300, -1))},
        lambda: {"min": value_for(random, declared), "max": value_for(random, declared)},
        lambda: any_value(random, 2),
    )
    return random.choice(ways)()


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list({repr(value): value for value in values}.values())


def value_for(random: Random, declared: Any) -> Any:
    """A value for a declared param: in its range, at its ends, or anything."""
    declared = declared if isinstance(declared, dict) else {}
    choices = declared.get("choices")
    if random.random() < 0.03:
        return any_value(random, 1)
    if isinstance(choices, list) and choices:
        return random.choice(choices)
    if declared.get("type") == "bool":
        return random.random() < 0.5
    ends = [declared[end] for end in ("min", "max", "default") if declared.get(end) is not None]
    if random.random() < 0.5 and ends:
        return random.choice(ends)
    return random.randint(1, 12) if declared.get("type") == "int" else random.choice((0.25, 1.5, -2.0, 1e-300, 1e300))
