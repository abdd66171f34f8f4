"""Load by wrk, against the bare application. Needs wrk."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from bench.serving import bare
from bench.serving.wrk import Expected, NoWrk, Wrk, find_wrk, run_wrk
from cli.load.wire import WrongAnswer
from deploy.local.ports import free_ports

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")

BODY = b"the answer"


@pytest_asyncio.fixture(scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Where a bare application gives BODY."""
    async for each in _answering(tmp_path_factory, 200):
        yield each


@pytest_asyncio.fixture(scope="module")
async def failing_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The same, with 503."""
    async for each in _answering(tmp_path_factory, 503):
        yield each


async def _answering(tmp_path_factory: pytest.TempPathFactory, status: int) -> AsyncIterator[str]:
    (port,) = free_ports(1, "127.0.0.1")
    file = tmp_path_factory.mktemp("bare") / "answer"
    answer = bare.Answer(status, [(b"cache-status", b"aurelius-l1; hit")], BODY)
    file.write_bytes(msgspec.json.encode(answer))
    command = (sys.executable, "-m", "bench.serving.bare", str(port), str(file))
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await _listening(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _run(url: str, tmp_path: Path, body: bytes = BODY, cache_status: str = "", skipped: int = 0) -> Wrk:
    file = tmp_path / "body"
    file.write_bytes(body)
    return await run_wrk(url, {}, Expected(file, cache_status, skipped), seconds=1, connections=2)


async def test_right_answers_are_counted(url: str, tmp_path: Path) -> None:
    """Body and layer as expected; the first bytes may be left out of the comparison."""
    found = await _run(url, tmp_path, cache_status="aurelius-l1; hit")
    assert found.requests > 0
    assert 0 < found.p50 <= found.p99 < found.seconds
    assert 0 < found.load < 2
    assert (await _run(url, tmp_path, b"???" + BODY[3:], skipped=3)).requests > 0


@pytest.mark.parametrize("body", [BODY[:-1] + b"R", BODY[:-1], b""])
async def test_another_body_ends_the_run(url: str, tmp_path: Path, body: bytes) -> None:
    """To the last byte."""
    with pytest.raises(WrongAnswer, match="another body of 10 bytes"):
        await _run(url, tmp_path, body)


async def test_another_layer_is_told_apart(url: str, tmp_path: Path) -> None:
    """An answer from elsewhere measures something else."""
    assert (await _run(url, tmp_path, cache_status="aurelius-l1; hit")).elsewhere == 0
    assert (await _run(url, tmp_path, cache_status="aurelius-l2; hit")).elsewhere == 1


async def test_another_status_ends_the_run(failing_url: str, tmp_path: Path) -> None:
    """Refusals are fast, and no measure of anything."""
    with pytest.raises(WrongAnswer, match="status 503"):
        await _run(failing_url, tmp_path)


def test_who_has_no_wrk_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed behind anybody's back."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoWrk, match="apt-get install wrk"):
        find_wrk()


async def test_a_rate_is_kept(url: str, tmp_path: Path) -> None:
    """Forty a second on two connections are forty a second, and on twenty."""
    file = tmp_path / "body"
    file.write_bytes(BODY)
    for connections in (2, 20):
        found = await run_wrk(url, {}, Expected(file), seconds=3, connections=connections, rate=40)
        assert 36 < found.rate < 44
