"""`aurelius load`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from cli.interrupts import INTERRUPTED, interrupted_by_signals
from cli.load.accounts import CannotLoad
from cli.load.html import page_of
from cli.load.progress import Progress
from cli.load.results import Report, schema
from cli.load.running import Settings
from cli.load.scenarios import NAMES, SCENARIOS
from cli.load.suite import Plan, run, target_of
from cli.load.text import Paint, lines_of

MET, MISSED, CANNOT, NOT_MEASURED = 0, 1, 2, 3
"""Exit statuses, beside INTERRUPTED."""
_DEFAULT_URL = "http://127.0.0.1:8000"


def _url() -> str:
    """The platform of `make run` on this machine, on the port that it is given too."""
    port = os.environ.get("PORT", "")
    return f"http://127.0.0.1:{port}" if port.isdigit() and port != "0" else _DEFAULT_URL


def _writable(_: click.Context, __: click.Parameter, file: Path | None) -> Path | None:
    """Refuse before the load what could not be written after it."""
    if file is not None and not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise click.BadParameter(f"{file} cannot be written")
    return file


def _show_schema(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(msgspec.json.format(msgspec.json.encode(schema())))
        context.exit()


_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("load", short_help="Load a running platform and grade what it answers")
@click.option("--url", default=_url, show_default=_DEFAULT_URL, help="The platform; with PORT set, that port.")
@click.option("--remote", is_flag=True, help="The URL is another machine's, which is yours to load.")
@click.option("--scenario", "names", multiple=True, type=click.Choice(NAMES), help="This one alone; may be repeated.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(1, 600), help="For each scenario.")
@click.option("--warm-up", default=3.0, show_default=True, type=click.FloatRange(0, 60), help="Seconds before it.")
@click.option("--rate", type=click.FloatRange(0.1, 20_000), help="Requests a second, instead of each scenario's own.")
@click.option("--users", default=20, show_default=True, type=click.IntRange(1, 200), help="Accounts that are made.")
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1, 512), help="Requests at once.")
@click.option("--timeout", default=10, show_default=True, type=click.FloatRange(0.1, 60), help="Seconds; then failed.")
@click.option(
    "--ramp/--no-ramp", default=None, help="More and more of the mixed load; default when no scenario is named."
)
@click.option("--ramp-seconds", default=4.0, show_default=True, type=click.FloatRange(1, 60), help="For each rate.")
@click.option(
    "--ramp-most", default=10_000.0, show_default=True, type=click.FloatRange(50, 20_000), help="Highest rate."
)
@click.option("--json", "json_file", type=_FILE, callback=_writable, help="Write the figures there.")
@click.option("--html", "html_file", type=_FILE, callback=_writable, help="Write a page there.")
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_schema,
    help="Print the JSON Schema of --json.",
)
@click.option("--strict", is_flag=True, help="Fail unless everything is EXCELLENT.")
def command(
    url: str,
    remote: bool,
    names: Sequence[str],
    seconds: float,
    warm_up: float,
    rate: float | None,
    users: int,
    connections: int,
    timeout: float,
    ramp: bool | None,
    ramp_seconds: float,
    ramp_most: float,
    json_file: Path | None,
    html_file: Path | None,
    strict: bool,
) -> None:
    """Load a running platform at constant rates and grade what it answers.

    A latency counts from the moment at which a request was due, whether or not it could be sent then. Only answers
    with the right status and body count. Makes its own accounts and data, and deletes what they have.

    Exits with 0 when every target is met, 1 when one is missed, 2 when the platform cannot be loaded, 3 when the load
    itself was too slow to tell, 130 when it was interrupted.
    """
    if rate is not None and rate * seconds < 1:
        raise click.BadParameter(f"nothing is due in {seconds:g} s", param_hint="--rate")
    progress = Progress(sys.stderr)
    left: list[str] = []
    try:
        target = target_of(url, remote=remote)
        settings = Settings(
            address=target.address,
            host=target.host,
            seconds=seconds,
            warm_up=warm_up,
            rate=rate,
            connections=connections,
            timeout=timeout,
        )
        plan = Plan(
            scenarios=[each for each in SCENARIOS if not names or each.name in names],
            users=users,
            ramp_seconds=ramp_seconds if (not names if ramp is None else ramp) else 0.0,
            ramp_most=ramp_most,
        )
        with interrupted_by_signals():
            report = run(target, settings, plan, progress, left)
        for line in lines_of(report, Paint(sys.stdout)):
            click.echo(line, color=True)
        _write(report, json_file, html_file)
    except (CannotLoad, OSError) as error:
        _end(progress, str(error), left, CANNOT)
    except KeyboardInterrupt:
        _end(progress, "interrupted", left, INTERRUPTED)
    sys.exit(status_of(report, strict=strict))


def status_of(report: Report, *, strict: bool) -> int:
    """Return the exit status."""
    if report.grade == "NEEDS IMPROVEMENT" or (strict and report.grade == "GOOD"):
        return MISSED
    return NOT_MEASURED if report.grade == "NOT MEASURED" else MET


def _end(progress: Progress, why: str, left: Sequence[str], status: int) -> NoReturn:
    """End before its time, with what stays on the platform."""
    progress.done()
    for line in (why, *left):
        click.echo(f"aurelius load: {line}", err=True)
    sys.exit(status)


def _write(report: Report, json_file: Path | None, html_file: Path | None) -> None:
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if html_file is not None:
        html_file.write_text(page_of(report), encoding="utf-8")
