"""The demo beside a running platform."""

import sys
from pathlib import Path

import pytest

from deploy.local import demo
from deploy.local.demo import demo_password, make_demo
from deploy.local.program import Program

# Notes each start in the file `starts`, and behaves by how many there have been.
_PROGRAM = """
import os, signal, sys
from pathlib import Path
starts = Path({starts!r})
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
number = len(starts.read_text())
print("the bus does not answer", flush=True)
{text}
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_PAUSES", (0.01, 0.01))


async def announced(tmp_path: Path, text: str) -> tuple[list[str], int]:
    """What is announced, and how often the program was started."""
    lines: list[str] = []
    starts = tmp_path / "starts"
    program = Program("demo", [sys.executable, "-c", _PROGRAM.format(starts=str(starts), text=text)])
    await make_demo(program, lines.append)
    return lines, len(starts.read_text()) if starts.exists() else 0


async def test_its_last_line_is_announced(tmp_path: Path) -> None:
    """One line of the launcher's, however much the program had to say."""
    assert await announced(tmp_path, "print('5 datasets')") == (["demo: 5 datasets"], 1)


async def test_nothing_to_do_is_nothing_to_say(tmp_path: Path) -> None:
    """At every later start."""
    lines: list[str] = []
    await make_demo(Program("demo", [sys.executable, "-c", "pass"]), lines.append)
    assert lines == []


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(75)"])
async def test_interrupted_it_is_started_again(tmp_path: Path, end: str) -> None:
    """Killed, or told by the platform to come back later: it goes on where it was."""
    text = f"if number == 1:\n    {end}\nprint('5 datasets')"
    assert await announced(tmp_path, text) == (["demo: 5 datasets"], 2)


async def test_it_gives_up(tmp_path: Path) -> None:
    """After a few attempts, with the last reason; nothing else is disturbed."""
    expected = "the demo could not be made, everything else runs: the bus does not answer"
    assert await announced(tmp_path, "sys.exit(75)") == ([expected], 3)


async def test_it_gives_up_at_once_where_trying_again_is_no_use(tmp_path: Path) -> None:
    """Exit status 1: the program has said what a person would have to do."""
    lines, starts = await announced(tmp_path, "sys.exit('the account has another password')")
    assert lines == ["the demo could not be made, everything else runs: the account has another password"]
    assert starts == 1


async def test_it_cannot_take_the_platform_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by being impossible to start."""

    async def no_more_processes(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(demo, "run_to_end", no_more_processes)
    lines, starts = await announced(tmp_path, "")
    assert "it cannot be started" in lines[0]
    assert starts == 0


def test_password_is_random_and_kept(tmp_path: Path) -> None:
    """Long enough for the API, readable by its owner alone, the same at each start."""
    password = demo_password(tmp_path)
    assert len(password) >= 12
    assert demo_password(tmp_path) == password != demo_password(tmp_path / "another")
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
