"""Reads the text of one expression into Python's syntax tree, without ever running any of it.

`ast` is only the reader: what it accepts is far more than the language, and `translate` refuses the rest. The caps
are checked before the text is parsed, or before the tree is walked a second time.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache

from services.backtest.core.language.errors import Report
from services.backtest.core.language.limits import MAX_DEPTH, MAX_NODES, MAX_SOURCE_LENGTH
from services.backtest.core.language.tree import Place

_UNREADABLE = re.compile(r"[^ -~\t\n\r]|[#\\]")
_BRACKET = re.compile(r"[()\[\]{}]")
_COUNTED = (ast.expr, ast.keyword)
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
# A decimal number with a word right after it: Python reads `1if` as two tokens, with a warning.
_GLUED = re.compile(r"(?:(?<![\w.])\d[\d_]*+(?:\.[\d_]*+)?+|\.\d[\d_]*+)(?:[eE][+-]?\d++)?+(?=[A-Za-z])")

# What authors bring along from other languages, and what to write instead.
_HABITS = (
    (re.compile(r"&&?"), "write `and`"),
    (re.compile(r"\|\|?"), "write `or`"),
    (re.compile(r"!(?!=)"), "write `not`"),
    (re.compile(r":="), "this cannot assign: give the value a name under `let`"),
    (re.compile(r"(?<![=!<>])=(?!=)"), "write `==` to compare; a name is given under `let`"),
    (re.compile(r"\?"), "there is no `? :`; combine conditions with `and`, `or` and `not`"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one expression and where in the document it stands."""

    text: str
    pointer: str

    def place(self, offset: int) -> Place:
        """The line and column, from 1, of the character at `offset`."""
        offset = max(0, min(offset, len(self.text)))
        before = self.text[:offset]
        return Place(self.pointer, before.count("\n") + 1, offset - before.rfind("\n"))

    @property
    def indent(self) -> int:
        """How many characters of white space come first; the parser is not shown them."""
        return len(self.text) - len(self.text.lstrip())


@dataclass(frozen=True, slots=True)
class Expression:
    """The syntax tree of a text and how many parts it has."""

    tree: ast.expr
    parts: int


def read(source: Source, report: Report) -> Expression | None:
    """The expression `source` holds, or None after reporting why there is none."""
    fault = _before_parsing(source)
    if fault is None:
        try:
            tree = ast.parse(re.sub(r"\s", " ", source.text).strip(), mode="eval").body
        except SyntaxError as error:
            fault = _explain(source, error)
        except (ValueError, RecursionError, MemoryError):
            fault = (0, "this is nested too deeply to be read; give its parts names under `let`")
    if fault is None:
        nodes, depth = _measure(tree)
        if nodes <= MAX_NODES and depth <= MAX_DEPTH:
            return Expression(tree, nodes)
        what = f"{nodes} parts, {MAX_NODES} are allowed" if nodes > MAX_NODES else f"over {MAX_DEPTH} levels"
        fault = (0, f"this is too large ({what}); give its parts names under `let`")
    place = source.place(fault[0])
    report.add(place.pointer, fault[1], place.line, place.column)
    return None


@cache
def read_formula(formula: str) -> ast.expr:
    """The syntax tree of a composed function's formula."""
    return ast.parse(formula, mode="eval").body


def _before_parsing(source: Source) -> tuple[int, str] | None:
    if len(source.text) > MAX_SOURCE_LENGTH:
        return 0, f"this is {len(source.text)} characters long, {MAX_SOURCE_LENGTH} are allowed"
    if not source.text.strip():
        return 0, "this is empty; write an expression such as `close > sma(close, 20)`, or null"
    if found := _UNREADABLE.search(source.text):
        return found.start(), f"the character {found.group()!a} is not part of the language; take it out"
    if found := _GLUED.search(_without_texts(source.text)):
        return found.end(), f"write `{found.group()}` as a decimal number, with a space before what follows"
    depth = 0
    for found in _BRACKET.finditer(source.text):
        depth += 1 if found.group() in "([{" else -1
        if depth > MAX_DEPTH:
            return found.start(), f"over {MAX_DEPTH} brackets are open here; give parts names under `let`"
    return None


def _explain(source: Source, error: SyntaxError) -> tuple[int, str]:
    for habit, advice in _HABITS:
        if found := habit.search(_without_texts(source.text)):
            return found.start(), f"`{found.group()}` is not part of the language; {advice}"
    if not error.offset or error.offset > len(source.text.strip()):
        return len(source.text.rstrip()), "something is missing here; finish the expression"
    offset = source.indent + error.offset - 1
    return offset, f"this cannot be read ({error.msg}); an expression looks like `close > sma(close, 20)[1]`"


def _without_texts(text: str) -> str:
    """`text` with its quoted parts blanked out, everything else where it was."""
    return _TEXT.sub(lambda found: " " * len(found.group()), text)


def _measure(tree: ast.expr) -> tuple[int, int]:
    """How many expressions `tree` holds and how deep they nest."""
    nodes, depth = 0, 0
    level: list[ast.AST] = [tree]
    while level:
        nodes, depth = nodes + len(level), depth + 1
        level = [inner for node in level for inner in ast.iter_child_nodes(node) if isinstance(inner, _COUNTED)]
    return nodes, depth
