"""What a load was answered, counted as the gateway counts it: by method, route and status."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bench.serving.exposed import Answered
from cli.load.wire import Answer, Check, Request

Paths = Counter[tuple[str, str, str]]
"""Answers by method, path and status."""


def noted(requests: Iterable[Request], found: Paths) -> Iterator[Request]:
    """Yield the requests; each answer, right or wrong, is counted in `found`."""
    return (replace(request, check=_noting(request, found)) for request in requests)


def by_route(found: Paths, routes: Iterable[str]) -> Counter[Answered]:
    """Return the answers by the templates of their paths, of which one that is no template itself comes first.

    What fits none stays under its path: nobody has counted it.
    """
    templates = [(route, re.compile(re.sub(r"{[^}]+}", "[^/]+", route))) for route in sorted(routes, key=_variables)]
    counted: Counter[Answered] = Counter()
    for (method, path, status), number in found.items():
        route = next((route for route, pattern in templates if pattern.fullmatch(path)), path)
        counted[Answered(method, route, status)] += number
    return counted


def _variables(route: str) -> int:
    return route.count("{")


def _noting(request: Request, found: Paths) -> Check:
    method, target, _ = request.wire.split(b" ", 2)
    asked = method.decode(), target.decode().partition("?")[0]

    def check(answer: Answer) -> None:
        found[*asked, str(answer.status)] += 1
        request.check(answer)

    return check
