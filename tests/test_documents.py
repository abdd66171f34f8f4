"""What the documents point at is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from services.gateway.app import compose
from services.gateway.coded import Coded
from services.gateway.edge import Edge
from services.gateway.settings import GatewaySettings
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


def _table() -> str:
    return (ROOT / "ARCHITECTURE.md").read_text().partition("## What happens where")[2].partition("\n## ")[0]


def test_every_route_is_in_the_table_of_what_happens(tmp_path: Path) -> None:
    """Beside its method and path stands the function that answers it; no row is of a route that is not there."""
    shown = set(re.findall(r"^\| \**(\w+ /\S*?)\** \| \[`\w+\.(\w+)`\]", _table(), re.MULTILINE))
    edge = compose(GatewaySettings(secret_key="0123456789abcdef" * 4, data_dir=tmp_path)).http
    assert isinstance(edge, Edge)
    assert isinstance(edge._application, Coded)
    framework = edge._application._application
    assert isinstance(framework, Litestar)
    routes = {
        (f"{method} {re.sub(r'{[^}]+}', '{id}', route.path)}", handler.fn.__name__)
        for route in framework.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    }
    api = {(request.replace("/api/v1", ""), name) for request, name in routes if "/api/v1" in request}
    assert {row for row in api if not row[0].startswith("OPTIONS")} - shown == set()
    assert shown - api - routes == set()


def test_every_request_and_event_is_in_the_table_of_what_happens() -> None:
    """From the name of any message or event ARCHITECTURE.md leads to the code that handles it."""
    shown = set(re.findall(r"`([\w.]+)`", _table()))
    asked = {
        message.METHOD
        for message in vars(messages).values()
        if isinstance(message, type) and issubclass(message, messages.Request) and hasattr(message, "METHOD")
    }
    announced = {event.TYPE.removeprefix("aurelius.").removesuffix(".v1") for event in events.EVENTS}
    assert asked - shown == set()
    assert announced - shown == set()
