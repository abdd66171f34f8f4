"""Hostile strategies: each is accepted or refused, within a second, and what is accepted runs."""

import asyncio
import time
from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest

from services.backtest.core.engine.warm import warm_kernels
from services.backtest.core.language import CheckedSpec, InvalidSpec, check_spec
from services.backtest.core.sweep.warm import warm_sweeps
from tests.hostile.requests import Hostile, hostile
from tests.hostile.runs import tried
from tests.hostile.service import Said, Service

pytestmark = pytest.mark.integration

CPU_SECONDS = 1.0
RUN_CPU_SECONDS = 5.0
"""Of a run and a sweep over hundreds of bars, with each of its rows once more, in every form."""
WAIT_SECONDS = 60.0
"""After this a request that hangs is given up, so that its number is told."""
ACCEPTED = {"/strategies/validate": 200, "/strategies": 201, "/backtests": 202, "/sweeps": 202}


@pytest.mark.parametrize("count", [400, pytest.param(100_000, marks=pytest.mark.long)])
async def test_hostile_specs_are_answered(
    asked: Service, dataset_id: str, count: int, recwarn: pytest.WarningsRecorder
) -> None:
    """Random and damaged documents, and costly ones, on every route that reads one: none is an error of ours.

    What is valid says so on every route, and is run and swept on terms as hostile. Nothing is warned of: a warning is a
    line in the log of whoever runs the platform.
    """
    warm_kernels()
    warm_sweeps()
    ends: Counter[str] = Counter()
    for number in range(count):
        request = hostile(number, dataset_id)
        async with asyncio.timeout(WAIT_SECONDS):
            said = await asked.post(request.route, request.body)
        assert said.status < 500, (number, said)
        assert said.cpu_seconds < CPU_SECONDS, (number, said)
        ends[f"{request.route} {said.status}"] += 1
        document = _read(request)
        spec = _checked(document)
        _agree(number, request, said, spec)
        if spec is not None:
            began = time.process_time()
            try:
                ends[tried(Random(number), spec, document.get("params") or {})] += 1
            except Exception as error:
                raise AssertionError(f"request {number}") from error
            assert time.process_time() - began < RUN_CPU_SECONDS, number
    assert [str(warning.message) for warning in recwarn] == []
    assert min(ends["run"], ends["swept"]) > count // 20, ends


def _read(request: Hostile) -> Any:  # any JSON value
    try:
        return msgspec.json.decode(request.spec)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _checked(document: Any) -> CheckedSpec | None:
    try:
        return check_spec(document)
    except InvalidSpec:
        return None


def _agree(number: int, request: Hostile, said: Said, spec: CheckedSpec | None) -> None:
    """Assert that the answer says of the document what the language says."""
    if said.status == ACCEPTED[request.route]:
        answer = msgspec.json.decode(said.body)
        assert (spec is not None) == answer.get("valid", True), number
        assert spec is None or spec.spec_hash in said.body.decode(), number
    else:
        assert msgspec.json.decode(said.body)["status"] == said.status, number
