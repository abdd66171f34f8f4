"""Checks a strategy document: reads its shape, then its expressions, then tries them with the default params."""

from collections.abc import Iterable, Iterator, Mapping

from services.backtest.core.language.bind import bound_nodes, single_values, stop_problems, unmet
from services.backtest.core.language.canonical import spec_hash
from services.backtest.core.language.checked import CheckedSpec, Constraint
from services.backtest.core.language.document import FRACTION, ROOT, Document, read_document
from services.backtest.core.language.draft import Draft
from services.backtest.core.language.errors import Report
from services.backtest.core.language.kinds import Kind, is_condition, is_number
from services.backtest.core.language.reader import Source
from services.backtest.core.language.translate import translate
from services.backtest.core.language.tree import Op, Scalar, Tree, reachable
from services.backtest.core.language.warmup import warmup_bars


def check_spec(document: object) -> CheckedSpec:
    """The strategy that `document`, as `json.loads` gives it, describes.

    `let` names refer backwards only, so the order of the keys under `let` is part of the document.
    Raises InvalidSpec with every fault found, up to `MAX_ERRORS`.
    """
    report = Report()
    read = read_document(document, report)
    draft = Draft(report, read.params, lets=dict.fromkeys(read.broken))
    _read_lets(draft, read)
    constraints = tuple(_read_constraints(draft, read.constraints))
    rules = _sound({rule: _read_rule(draft, source) for rule, source in read.rules.items()})
    stops = _sound({stop: _read_stop(draft, source) for stop, source in read.stops.items()})
    volatility = _volatility(draft, read)
    values = _default_values(draft, constraints, stops)
    report.raise_if_any()
    terms = stops | volatility
    nodes, roots = bound_nodes(draft.tree, values, rules | terms)
    return CheckedSpec(
        spec_hash=spec_hash(
            draft.tree, read.params, rules | stops, (item.position for item in constraints), read.sizing
        ),
        warmup_bars=warmup_bars(nodes, roots.values()),
        params=read.params,
        rules=rules,
        terms=terms,
        sizing=read.sizing,
        tree=draft.tree,
        places=draft.places,
        demands=draft.demands,
        constraints=constraints,
    )


def _read_lets(draft: Draft, read: Document) -> None:
    names = list(read.lets)
    for index, name in enumerate(names):
        draft.later = frozenset(names[index:])
        draft.lets[name] = translate(draft, read.lets[name])
    draft.later = frozenset()


def _read_rule(draft: Draft, source: Source) -> int | None:
    position = translate(draft, source)
    if position is None:
        return None
    kind = draft.tree.nodes[position].kind
    if not is_condition(kind):
        place = source.place(source.indent)
        message = f"this is {kind.value}, not a condition; compare it, as in `close > sma(close, 20)`"
        draft.report.add(place.pointer, message, place.line, place.column)
    return position


def _read_stop(draft: Draft, source: Source) -> int | None:
    position = translate(draft, source)
    if position is None:
        return None
    kind = draft.tree.nodes[position].kind
    if not is_number(kind):
        place = source.place(source.indent)
        message = f"this is {kind.value}, not a number; write {FRACTION}"
        draft.report.add(place.pointer, message, place.line, place.column)
        return None
    return position


def _volatility(draft: Draft, read: Document) -> dict[str, int]:
    if read.sizing.volatility is None:
        return {}
    return _sound({"volatility": translate(draft, Source(read.sizing.volatility, f"{ROOT}/sizing"))})


def _sound(positions: Mapping[str, int | None]) -> dict[str, int]:
    return {name: position for name, position in positions.items() if position is not None}


def _read_constraints(draft: Draft, sources: Iterable[Source]) -> Iterator[Constraint]:
    for source in sources:
        position = translate(draft, source)
        if position is None:
            continue
        kind = draft.tree.nodes[position].kind
        if kind is Kind.CONDITION:
            yield Constraint(source, position, _params_of(draft.tree, position))
        else:
            place = source.place(source.indent)
            message = f"this is {kind.value}; a constraint compares params, as in `fast < slow`"
            draft.report.add(place.pointer, message, place.line, place.column)


def _params_of(tree: Tree, position: int) -> tuple[str, ...]:
    nodes = (tree.nodes[part] for part in reachable(tree.nodes, [position]))
    return tuple(node.name for node in nodes if node.op is Op.PARAM)


def _default_values(draft: Draft, constraints: Iterable[Constraint], stops: Mapping[str, int]) -> dict[int, Scalar]:
    """What has one value for all bars when every param has its default; reports where that makes no sense."""
    defaults = {name: param.default for name, param in draft.params.items()}
    values, problems = single_values(draft.tree, draft.places, defaults)
    for problem in (*problems, *unmet(draft.demands, values), *stop_problems(stops, values)):
        draft.report.add(problem.place.pointer, problem.message, problem.place.line, problem.place.column)
    for constraint in constraints:
        if broken := constraint.problem(values, defaults):
            draft.report.add(constraint.source.pointer, f"{broken}, the defaults; change one of them")
    return values
