"""The shape of a strategy document: its keys, and what may stand under them."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from services.backtest.core.language.declarations import name_problem, read_params
from services.backtest.core.language.errors import Report, child
from services.backtest.core.language.functions import SERIES, TRUTH
from services.backtest.core.language.limits import MAX_CONSTRAINTS, MAX_LETS, MAX_PARAMS
from services.backtest.core.language.params import Param, finite
from services.backtest.core.language.reader import Source
from services.backtest.core.language.sizing import Sizing, read_sizing
from services.backtest.core.language.suggest import did_you_mean

ROOT = "/spec"
ENTRIES = {"entry_long": "exit_long", "entry_short": "exit_short"}
"""Each rule that opens a position, and the one that closes it."""
RULES = (*ENTRIES, *ENTRIES.values())
STOPS = ("stop_loss", "take_profit", "trailing_stop")
FRACTION = "a fraction of the fill price, such as 0.05 for 5 %"

_KEYS = ("params", "constraints", "let", *RULES, *STOPS, "sizing")


@dataclass(slots=True)
class Document:
    """What a document says, its expressions not read yet.

    `broken` are the names whose declaration is at fault, so that using one is not a second fault.
    """

    params: dict[str, Param] = field(default_factory=dict)
    broken: Set[str] = frozenset()
    constraints: list[Source] = field(default_factory=list)
    lets: dict[str, Source] = field(default_factory=dict)
    rules: dict[str, Source] = field(default_factory=dict)
    stops: dict[str, Source] = field(default_factory=dict)
    sizing: Sizing = field(default_factory=Sizing)


def read_document(document: object, report: Report) -> Document:
    """The parts of `document`, every fault in its shape reported. A key that is null counts as absent."""
    given = _object(document, ROOT, report, "a strategy is an object", most=len(_KEYS))
    read = Document()
    if report.count:
        return read
    for key in given:
        if key not in _KEYS:
            report.add(child(ROOT, key), f"a strategy has no `{key}`{did_you_mean(key, _KEYS)}")
    params = _section(given, "params", report, MAX_PARAMS)
    lets = _section(given, "let", report, MAX_LETS)
    read.params = read_params(params, f"{ROOT}/params", report)
    read.constraints = _constraints(given.get("constraints"), report)
    read.lets = _lets(lets, read.params, report)
    read.broken = (params.keys() | lets.keys()) - read.params.keys() - read.lets.keys() - {*SERIES, *TRUTH}
    read.rules = _rules(given, report)
    read.stops = _stops(given, report)
    read.sizing = _sizing(given.get("sizing"), report)
    return read


def _object(value: object, pointer: str, report: Report, what: str, most: int) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        report.add(pointer, f"{what}, with text for keys")
    elif len(value) > most:
        report.add(pointer, f"there are {len(value)} entries, {most} are allowed")
    else:
        return value
    return {}


def _section(given: Mapping[str, object], key: str, report: Report, most: int) -> Mapping[str, object]:
    value = given.get(key)
    return {} if value is None else _object(value, f"{ROOT}/{key}", report, f"`{key}` is an object", most)


def _source(value: object, pointer: str, report: Report) -> Source | None:
    if isinstance(value, str):
        return Source(value, pointer)
    report.add(pointer, 'write an expression as text, such as "close > sma(close, 20)"')
    return None


def _constraints(value: object, report: Report) -> list[Source]:
    pointer = f"{ROOT}/constraints"
    if value is None:
        return []
    if not isinstance(value, list | tuple) or len(value) > MAX_CONSTRAINTS:
        report.add(pointer, f'list at most {MAX_CONSTRAINTS} expressions about params, such as ["fast < slow"]')
        return []
    sources = [_source(item, child(pointer, index), report) for index, item in enumerate(value)]
    return [source for source in sources if source is not None]


def _lets(value: Mapping[str, object], params: Mapping[str, Param], report: Report) -> dict[str, Source]:
    lets: dict[str, Source] = {}
    for name, text in value.items():
        here = child(f"{ROOT}/let", name)
        problem = f"`{name}` is a param; choose another name" if name in params else name_problem(name)
        if problem is not None:
            report.add(here, problem)
        elif source := _source(text, here, report):
            lets[name] = source
    return lets


def _rules(given: Mapping[str, object], report: Report) -> dict[str, Source]:
    present = [rule for rule in RULES if given.get(rule) is not None]
    if not any(entry in present for entry in ENTRIES):
        report.add(ROOT, "nothing is ever bought or sold; write a condition for `entry_long` or `entry_short`")
    for entry, exit_ in ENTRIES.items():
        if exit_ in present and entry not in present:
            report.add(f"{ROOT}/{exit_}", f"there is no `{entry}` for this to close; write one, or set this to null")
    sources = {rule: _source(given[rule], f"{ROOT}/{rule}", report) for rule in present}
    return {rule: source for rule, source in sources.items() if source is not None}


def _stops(given: Mapping[str, object], report: Report) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for stop in STOPS:
        value, pointer = given.get(stop), f"{ROOT}/{stop}"
        if isinstance(value, str):
            sources[stop] = Source(value, pointer)
        elif value is not None:
            try:
                sources[stop] = Source(repr(finite(value)), pointer)
            except ValueError:
                report.add(pointer, f"write a number, or an expression as text: {FRACTION}")
    return sources


def _sizing(value: object, report: Report) -> Sizing:
    pointer, before = f"{ROOT}/sizing", report.count
    if value is None:
        return Sizing()
    given = _object(value, pointer, report, "`sizing` is an object", most=3)
    return read_sizing(given, pointer, report) if report.count == before else Sizing()
