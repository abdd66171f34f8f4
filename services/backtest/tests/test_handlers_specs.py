"""Checking specs: every document gets a report, and the process that checks never loads the engine."""

import subprocess
import sys

import pytest

from services.backtest.handlers.specs import SpecHandlers, validate_spec
from services.backtest.tests.fakes import SMA_CROSS
from services.backtest.tests.steps import call_of
from shared.contracts.messages import AcceptSpec, ValidateSpec
from shared.contracts.values import SpecReport
from shared.runtime.bus.server import Call
from shared.runtime.database import Database


async def report_on(spec: object) -> SpecReport:
    answer = await validate_spec(ValidateSpec(spec=spec), call_of(None))
    assert isinstance(answer.value, SpecReport)
    return answer.value


async def kept_tests(database: Database) -> int:
    async with database.reading() as connection:
        return len(await connection.fetch("SELECT FROM prefix_tests"))


async def test_a_strategy_is_named_and_its_warm_up_told() -> None:
    """A sound spec has a hash, which its spelling does not change, and a warm-up for its default params."""
    report = await report_on(SMA_CROSS)
    assert (report.valid, report.warmup_bars, report.errors) == (True, 20, [])
    respelled = await report_on({**SMA_CROSS, "entry_long": "(f>s)  and  (f[1] < s[1])"})
    assert report.spec_hash == respelled.spec_hash


@pytest.mark.parametrize("spec", [None, 1, "x", [], {}, {"entry_long": "smaa(close, 10) > 1"}, {"entry_long": "("}])
async def test_what_is_no_strategy_is_reported_not_raised(spec: object) -> None:
    """Whatever is sent in, the answer says what is wrong and where."""
    report = await report_on(spec)
    assert not report.valid
    assert report.errors
    assert all(error.pointer.startswith("/spec") for error in report.errors)


@pytest.mark.integration
async def test_only_a_valid_spec_that_a_strategy_is_to_have_is_tested(
    specs: SpecHandlers, database: Database, ana: Call
) -> None:
    """The report is the same; a spec that somebody merely checks, and one that is none, leave nothing."""
    checked = await report_on(SMA_CROSS)
    refused = await specs.accept(AcceptSpec(spec={"entry_long": "("}), ana)
    assert isinstance(refused.value, SpecReport)
    assert (refused.value.valid, await kept_tests(database)) == (False, 0)
    assert (await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)).value == checked
    assert await kept_tests(database) == 1


def test_the_service_does_not_load_the_compiler() -> None:
    """Only workers pay for numba: building the service leaves it unimported."""
    code = "import services.backtest.app, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
