"""`aurelius load` from end to end, against a platform in memory."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from cli.interrupts import INTERRUPTED
from cli.load.command import CANNOT, MET, MISSED, NOT_MEASURED, command, status_of
from cli.load.scenarios import NAMES
from cli.load.targets import Grade
from cli.load.tests.fake_platform import FakePlatform
from cli.load.tests.http_server import Asked, Given, serving
from cli.load.tests.reports import decoded, report, result
from deploy.local.ports import free_ports
from tests.heeded import heeded_signals

SCHEMA = Path(__file__).parents[3] / "docs" / "load-report.schema.json"
SHORT = ("--seconds", "1", "--warm-up", "0", "--users", "2", "--no-ramp", "--rate", "10")


def load(url: str, *options: str) -> Result:
    return CliRunner().invoke(command, ["--url", url, *SHORT, *options])


def started(url: str, *options: str) -> "subprocess.Popen[str]":
    """Start it as a process of its own, whose standard error is read."""
    command = (sys.executable, "-m", "cli", "load", "--url", url, *options)
    return subprocess.Popen(command, cwd=Path(__file__).parents[3], stderr=subprocess.PIPE, text=True)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


def test_every_scenario_gets_right_answers(platform: FakePlatform, tmp_path: Path) -> None:
    """And each is sent as often as it is due."""
    with platform.serving() as url:
        shown = load(url, "--json", str(tmp_path / "found.json"), "--html", str(tmp_path / "found.html"))
    found = decoded((tmp_path / "found.json").read_bytes())
    assert [each.scenario for each in found.results] == list(NAMES)
    for each in found.results:
        assert (each.total, each.failed, each.failures) == (10, 0, {}), shown.output
    assert "SUMMARY" in shown.output
    assert (tmp_path / "found.html").read_text().startswith("<!doctype html>")


def test_a_pause_of_the_platform_is_seen_by_all_who_were_due(platform: FakePlatform, tmp_path: Path) -> None:
    """It stands still for 2 s in the middle of 4 s: half of the requests have waited, and the report says so."""
    turn, asked = threading.Lock(), count()

    def answer(request: Asked) -> Given:
        if request.path == "/health":
            with turn:
                if next(asked) == 100:
                    time.sleep(2)
        return platform.answer(request)

    with serving(answer) as url:
        shown = load(url, "--scenario", "health", "--rate", "50", "--seconds", "4", "--json", str(tmp_path / "json"))
    [found] = decoded((tmp_path / "json").read_bytes()).results
    assert (found.total, found.failed) == (200, 0)
    assert found.latency is not None
    assert found.latency.p99_ms > 1800
    assert sum(bar.requests for bar in found.histogram if bar.from_ms >= 500) >= 70
    p99 = re.search(r"P99: +(\d+) ms", shown.output)
    assert p99 is not None
    assert int(p99[1]) == round(found.latency.p99_ms)
    assert shown.exit_code == MISSED


def test_the_warm_up_is_no_part_of_the_figures(platform: FakePlatform, tmp_path: Path) -> None:
    """What was slow while it was cold is neither counted nor timed."""
    asked = count()

    def answer(request: Asked) -> Given:
        if request.path == "/metrics" and next(asked) < 2:
            time.sleep(1.5)
            return Given(503)
        return platform.answer(request)

    with serving(answer) as url:
        load(url, "--scenario", "metrics", "--warm-up", "0.2", "--json", str(tmp_path / "json"))
    [found] = decoded((tmp_path / "json").read_bytes()).results
    assert (found.total, found.failed, found.failures) == (10, 0, {})
    assert found.latency is not None
    assert found.latency.max_ms < 1400


@pytest.mark.alone
@pytest.mark.long
def test_the_knee_is_what_the_platform_can_do(platform: FakePlatform, tmp_path: Path) -> None:
    """Of one that takes a sixtieth of a second for each request, one after the other: sixty a second."""
    turn = threading.Lock()

    def answer(request: Asked) -> Given:
        with turn:
            time.sleep(1 / 60)
        return platform.answer(request)

    options = ("--scenario", "health", "--ramp", "--ramp-seconds", "4", "--json", str(tmp_path / "json"))
    with serving(answer) as url:
        load(url, *options)
    ramp = decoded((tmp_path / "json").read_bytes()).ramp
    assert ramp is not None
    assert ramp.ended_by == "the platform"
    assert 50 <= ramp.knee <= 66
    assert all(step.requests_per_second <= 60 for step in ramp.steps)


def test_nothing_is_left_but_empty_accounts(platform: FakePlatform) -> None:
    """What was made for the load, and what the load has written; every session is ended."""
    with platform.serving() as url:
        shown = load(url, "--scenario", "writes", "--scenario", "login")
    assert len(platform.users) == 2
    assert platform.items == {}
    assert set(platform.sessions.values()) == {0}
    assert "2 empty accounts stay" in shown.output


@pytest.fixture
def heeded() -> Iterator[None]:
    """Programs that are started do not ignore interrupts."""
    with heeded_signals():
        yield


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_stops_it_is_left_nothing(platform: FakePlatform, number: signal.Signals) -> None:
    """Ctrl-C, what a supervisor sends, a terminal that is closed: all is deleted as at the end."""
    with platform.serving() as url:
        process = started(url, "--users", "2", "--scenario", "writes")
        assert process.stderr is not None
        told = iter(process.stderr.readline, "")
        assert any(line.startswith("writes, warming up") for line in told)
        process.send_signal(number)
        assert "interrupted\naurelius load: 2 empty accounts stay" in process.stderr.read()
        assert process.wait(60) == INTERRUPTED
    assert platform.items == {}
    assert platform.logged_out == 2


@pytest.mark.usefixtures("heeded")
def test_who_stops_it_while_accounts_are_made_is_left_nothing(platform: FakePlatform) -> None:
    """What was under way then is finished and deleted, and no further account is made."""
    at_work, go_on = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Given:
        if asked.path.endswith("/datasets") and asked.method == "POST":
            at_work.set()
            go_on.wait(30)
        return platform.answer(asked)

    with serving(answer) as url:
        process = started(url, "--users", "100")
        assert at_work.wait(60)
        process.send_signal(signal.SIGINT)
        go_on.set()
        told = process.communicate(timeout=60)[1]
        assert process.returncode == INTERRUPTED
    assert re.search(r"interrupted\naurelius load: \d+ empty accounts stay", told), told
    assert platform.items == {}
    assert len(platform.users) == platform.logged_out < 100


@pytest.mark.usefixtures("heeded")
def test_who_stops_the_deleting_too_is_told_what_stays(platform: FakePlatform) -> None:
    """Rather than that nothing does."""
    at_work, go_on = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Given:
        if asked.method == "DELETE":
            at_work.set()
            go_on.wait(30)
        return platform.answer(asked)

    with serving(answer) as url:
        process = started(url, "--users", "20", "--scenario", "health")
        assert process.stderr is not None
        assert any(line.startswith("health, warming up") for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        assert at_work.wait(60)
        process.send_signal(signal.SIGINT)
        go_on.set()
        told = process.communicate(timeout=60)[1]
        assert process.returncode == INTERRUPTED
    assert "interrupted while it deleted" in told
    assert "empty accounts stay" not in told
    assert platform.items


def test_what_cannot_be_deleted_is_told(platform: FakePlatform) -> None:
    """And hides nothing of what was found."""
    platform.refused["GET /backtests"] = Given(500, b"{}")
    with platform.serving() as url:
        shown = load(url, "--scenario", "health")
    assert "had could not all be deleted" in shown.output
    assert "Requests/sec" in shown.output


def test_a_target_that_is_missed_is_a_failure(platform: FakePlatform) -> None:
    """Wrong answers are, and slow ones."""
    platform.refused["GET /metrics"] = Given(503, b'{"title": "The bus does not answer"}')
    with platform.serving() as url:
        shown = load(url, "--scenario", "metrics")
        assert shown.exit_code == MISSED
        assert "10 x status 503: The bus does not answer" in shown.output
        platform.refused.clear()
        platform.stalled["GET /health"] = 0.8
        slow = load(url, "--scenario", "health")
    assert "target missed: p95" in slow.output
    assert slow.exit_code == MISSED


def test_a_limit_of_the_platform_is_a_failure_with_a_hint(platform: FakePlatform) -> None:
    """Not the platform's fault, but not an answer either."""
    platform.refused["GET /strategies"] = Given(429)
    with platform.serving() as url:
        shown = load(url, "--scenario", "strategies")
    assert "10 x status 429: the platform limits how often" in shown.output
    assert shown.exit_code == MISSED


@pytest.mark.parametrize(
    ("grade", "strict", "status"),
    [
        ("EXCELLENT", True, MET),
        ("GOOD", False, MET),
        ("GOOD", True, MISSED),
        ("NEEDS IMPROVEMENT", False, MISSED),
        ("NOT MEASURED", False, NOT_MEASURED),
    ],
)
def test_the_exit_status_says_how_it_went(grade: Grade, strict: bool, status: int) -> None:
    """For scripts."""
    shown = msgspec.structs.replace(report(result()), grade=grade)
    assert status_of(shown, strict=strict) == status


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://192.0.2.1:8000", "is another machine"),
        ("https://127.0.0.1:8000", "must be such as"),
        ("http://127.0.0.1:8000/api", "must be such as"),
        ("127.0.0.1:8000", "must be such as"),
        ("http://127.0.0.1:8000?x=1", "must be such as"),
        ("http://", "must be such as"),
        ("http://127.0.0.1:eight", "Port could not be"),
        ("http://127.0.0.1:80000", "Port out of range"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("http://a..example", "is not known"),
    ],
)
def test_nothing_is_sent_where_it_was_not_meant(url: str, why: str) -> None:
    """Another machine has to be named as one, and all else is a mistake."""
    shown = load(url)
    assert shown.exit_code == CANNOT
    assert why in shown.output


def test_a_name_of_several_addresses_leads_to_the_platform(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`localhost` is ::1 as well, where nobody may listen."""
    found = socket.getaddrinfo

    def several(host: str, *given: Any, **more: Any) -> list[Any]:
        hosts = ("::1", "127.0.0.1") if host == "localhost" else (host,)
        return [each for one in hosts for each in found(one, *given, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    with platform.serving() as url:
        shown = load(url.replace("127.0.0.1", "localhost"), "--scenario", "health")
    assert shown.exit_code == MET, shown.output


def test_all_addresses_of_a_name_have_to_be_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any of them is tried."""
    found = socket.getaddrinfo
    hosts = ("127.0.0.1", "192.0.2.1")
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, *given, **more: [each for one in hosts for each in found(one, *given, **more)]
    )
    shown = load("http://both.example:8000")
    assert shown.exit_code == CANNOT
    assert "192.0.2.1 is another machine" in shown.output


def test_a_load_without_any_request_is_a_mistake(platform: FakePlatform) -> None:
    """Rather than a platform that answers nothing."""
    with platform.serving() as url:
        shown = load(url, "--rate", "0.5")
    assert shown.exit_code == CANNOT
    assert "nothing is due in 1 s" in shown.output
    assert platform.users == {}


def test_the_schema_is_the_one_that_is_kept() -> None:
    """Who reads reports can rely on it: what changes of them changes this file. `aurelius load --schema` writes it."""
    shown = CliRunner().invoke(command, ["--schema"])
    assert shown.exit_code == MET
    assert shown.output == SCHEMA.read_text()


def test_help_says_what_the_exit_statuses_mean() -> None:
    """And what each option is for."""
    shown = CliRunner().invoke(command, ["--help"]).output
    said = re.search(r"Exits with (.*?)\.", " ".join(shown.split()))
    assert said is not None
    assert re.findall(r"\d+", said[1]) == [str(each) for each in (MET, MISSED, CANNOT, NOT_MEASURED, INTERRUPTED)]


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_that_cannot_be_written_is_told_before(platform: FakePlatform, tmp_path: Path, option: str) -> None:
    """Not after minutes of load."""
    with platform.serving() as url:
        shown = load(url, option, str(tmp_path / "nowhere" / "found"))
    assert shown.exit_code == CANNOT
    assert "cannot be written" in shown.output
    assert platform.users == {}


def test_a_platform_that_lets_nobody_in_is_told(platform: FakePlatform) -> None:
    """Because it makes no accounts, or makes too many wait: with what it says, and nothing is left."""
    for given, why in (
        (Given(403, b'{"detail": "Accounts are made by administrators here"}'), "403: Accounts are made by admin"),
        (Given(429, b'{"detail": "Too many accounts from one address"}'), "429: Too many accounts from"),
    ):
        platform.refused["POST /auth/register"] = given
        with platform.serving() as url:
            shown = load(url)
        assert shown.exit_code == CANNOT
        assert why in shown.output
    assert platform.items == {}


def test_a_platform_that_does_not_run_is_told() -> None:
    """With how to start it."""
    (port,) = free_ports(1, "127.0.0.1")
    shown = load(f"http://127.0.0.1:{port}")
    assert shown.exit_code == CANNOT
    assert "make run" in shown.output


def test_an_unhealthy_platform_is_not_loaded(platform: FakePlatform) -> None:
    """No account is made."""
    platform.refused["GET /health"] = Given(503, b"{}")
    with platform.serving() as url:
        shown = load(url)
    assert shown.exit_code == CANNOT
    assert platform.users == {}


def test_a_platform_that_is_not_well_is_not_loaded(platform: FakePlatform) -> None:
    """What is missing is told: its figures would be those of something else."""
    health = b'{"status": "degraded", "version": "1", "uptime_seconds": 1, "checks": {"backtest": {"status": "down"}}}'
    platform.refused["GET /health"] = Given(200, health)
    with platform.serving() as url:
        shown = load(url)
    assert shown.exit_code == CANNOT
    assert "is degraded: backtest (down)" in shown.output
    assert platform.users == {}


def test_accounts_that_cannot_be_made_are_told(platform: FakePlatform) -> None:
    """What was made before is deleted."""
    platform.refused["POST /datasets"] = Given(422, b'{"detail": "no such bars"}')
    with platform.serving() as url:
        shown = load(url)
    assert shown.exit_code == CANNOT
    assert "no such bars" in shown.output
    assert platform.items == {}
