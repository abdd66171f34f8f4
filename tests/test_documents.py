"""What the documents point at is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contracts import events, messages

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_SYMBOL = re.compile(r"`([A-Za-z_][\w.]*)`")


def _links(document: Path) -> Iterator[tuple[str, str]]:
    """Text and target of each link to a file of this repository."""
    for text, target in _LINK.findall(document.read_text()):
        if not re.match(r"[a-z]+:", target) and not target.startswith(("#", "/")):
            yield text, target.partition("#")[0]


def _definitions(file: Path) -> set[str]:
    """Dotted names of everything a module defines, functions inside functions too."""
    found: set[str] = set()

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(prefix + child.name)
                visit(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.Assign | ast.AnnAssign):
                targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                found.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    visit(ast.parse(file.read_text()), "")
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """A reader who follows a link in a document finds the file, and in it the name that the link shows."""
    for text, target in _links(document):
        file = document.parent / target
        assert file.exists(), f"{document.name}: {target} is not there"
        symbol = _SYMBOL.fullmatch(text)
        if symbol and file.suffix == ".py" and symbol[1] != file.name:
            assert symbol[1] in _definitions(file), f"{document.name}: {target} defines no {symbol[1]}"


def test_every_request_and_event_is_in_the_table_of_what_happens() -> None:
    """From the name of any message or event ARCHITECTURE.md leads to the code that handles it."""
    table = (ROOT / "ARCHITECTURE.md").read_text().partition("## What happens where")[2].partition("\n## ")[0]
    shown = set(re.findall(r"`([\w.]+)`", table))
    asked = {
        message.METHOD
        for message in vars(messages).values()
        if isinstance(message, type) and issubclass(message, messages.Request) and hasattr(message, "METHOD")
    }
    announced = {event.TYPE.removeprefix("aurelius.").removesuffix(".v1") for event in events.EVENTS}
    assert asked - shown == set()
    assert announced - shown == set()
