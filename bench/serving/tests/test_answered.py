"""What a load counts is what the gateway counts: answers, right or wrong, by the template of their path."""

from collections import Counter

import pytest

from bench.serving.answered import Paths, by_route, noted
from bench.serving.exposed import Answered, answers_of
from cli.load.wire import Answer, Request, WrongAnswer, get, wire_of

TEXT = """\
# HELP aurelius_http_requests_total HTTP requests that were answered.
# TYPE aurelius_http_requests_total counter
aurelius_http_requests_total{method="GET",route="/api/v1/strategies/{strategy_id}",status="200"} 7.0
aurelius_http_requests_total{method="GET",route="/metrics",status="200"} 1.0
# TYPE aurelius_cache_hits_total counter
aurelius_cache_hits_total{type="strategy"} 3.0
"""


def only_200(answer: Answer) -> None:
    if answer.status != 200:
        raise WrongAnswer(str(answer.status))


def test_every_answer_is_counted_and_still_checked() -> None:
    """By its path without a query, and whether it is what it must be or not."""
    found: Paths = Counter()
    login = Request(wire_of("POST", "/api/v1/auth/login", {}, b"{}"), only_200, "login")
    first, second = noted([get("/api/v1/strategies?limit=20", only_200), login], found)
    first.check(Answer(200, {}, b""))
    with pytest.raises(WrongAnswer):
        second.check(Answer(503, {}, b""))
    assert found == {("GET", "/api/v1/strategies", "200"): 1, ("POST", "/api/v1/auth/login", "503"): 1}
    assert (second.kind, second.wire) == (login.kind, login.wire)


def test_paths_are_told_by_their_templates() -> None:
    """Of two that fit the one without variables is meant; a template is a path to its end."""
    found: Paths = Counter(
        {
            ("GET", "/api/v1/strategies/1", "200"): 2,
            ("GET", "/api/v1/strategies/2", "200"): 3,
            ("POST", "/api/v1/strategies/validate", "200"): 1,
            ("GET", "/api/v1/strategies/1/versions", "404"): 1,
            ("GET", "/elsewhere", "404"): 1,
        }
    )
    routes = ["/api/v1/strategies/{strategy_id}", "/api/v1/strategies/validate", "/api/v1/strategies"]
    assert by_route(found, routes) == {
        Answered("GET", routes[0], "200"): 5,
        Answered("POST", routes[1], "200"): 1,
        Answered("GET", "/api/v1/strategies/1/versions", "404"): 1,
        Answered("GET", "/elsewhere", "404"): 1,
    }


def test_the_text_tells_how_many_were_answered() -> None:
    """Nothing else of it counts."""
    assert answers_of(TEXT) == {
        Answered("GET", "/api/v1/strategies/{strategy_id}", "200"): 7,
        Answered("GET", "/metrics", "200"): 1,
    }
