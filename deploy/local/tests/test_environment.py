"""The environment that `make` makes, with interpreters that only pretend to be Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "environment.sh"
TOOLS = ("cat", "cksum", "flock", "mkdir", "chmod")

OLD = "#!/bin/sh\nexit 1\n"
# Knows what the script asks of an interpreter. `-m venv --clear DIR` makes DIR with such an interpreter in it; that one
# notes in pip.log what it is asked to install, and fails where the requirements name `broken`.
NEW = """#!/bin/sh
case "$*" in
*"sys.exit(sys.version_info"*) exit 0 ;;
*"import ensurepip, venv"*) exit ${NO_ENSUREPIP:-0} ;;
*"print(sys.version, sys.base_prefix)"*) echo "${VERSION:-3.99}" ;;
--version) echo "Python 3.99" ;;
"-m venv --clear "*)
    [ -z "${NO_ROOM:-}" ] || { echo "Error: [Errno 28] No space left on device"; exit 1; }
    mkdir -p "$4/bin"
    cat "$0" >"$4/bin/python"
    chmod +x "$4/bin/python"
    ;;
"-m pip install "*)
    echo "$*" >>"${0%/bin/python}/pip.log"
    case "$(cat requirements/run.txt)" in *broken*) exit 1 ;; esac
    ;;
*) exit 2 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with locks, and a PATH of its own."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/run.txt").write_text("one==1\n")
    (tmp_path / "requirements/demo.txt").write_text("bars==1\n")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found is None:
            pytest.skip(f"needs {tool}")
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def interpreter(checkout: Path, name: str, text: str) -> None:
    file = checkout / "bin" / name
    file.write_text(text)
    file.chmod(0o755)


def make(checkout: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", SCRIPT, ".venv", "requirements/run.txt"],
        cwd=checkout,
        env={"PATH": str(checkout / "bin"), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def installs(checkout: Path) -> list[str]:
    log = checkout / ".venv/pip.log"
    return log.read_text().splitlines() if log.exists() else []


def test_made_once(checkout: Path) -> None:
    """From exactly what the lock names, by hash; the second time nothing is done."""
    interpreter(checkout, "python3", NEW)
    for _ in range(2):
        answer = make(checkout)
        assert answer.returncode == 0, answer.stderr
        lock, demo = installs(checkout)
        assert "--require-hashes --no-deps --only-binary :all: -r requirements/run.txt" in lock
        assert demo.endswith("--target .venv/share/demo-data -r requirements/demo.txt")
    assert answer.stdout == ""


@pytest.mark.parametrize("change", ["lock", "python", "gone"])
def test_made_anew_after_a_change(checkout: Path, change: str) -> None:
    """Another lock, another Python under the same name, or none where the environment's own was."""
    interpreter(checkout, "python3", NEW)
    make(checkout)
    (checkout / ".venv/from-before").write_text("")
    if change == "lock":
        (checkout / "requirements/run.txt").write_text("two==2\n")
    if change == "gone":
        (checkout / ".venv/bin/python").unlink()
    answer = make(checkout, **({"VERSION": "3.100"} if change == "python" else {}))
    assert "making .venv from requirements/run.txt" in answer.stdout
    assert len(installs(checkout)) == 4
    assert (checkout / ".venv/bin/python").exists()


def test_failed_installation_is_not_taken_for_a_good_one(checkout: Path) -> None:
    """It says what failed, and the next run tries again."""
    interpreter(checkout, "python3", NEW)
    (checkout / "requirements/run.txt").write_text("broken==1\n")
    for _ in range(2):
        answer = make(checkout)
        assert answer.returncode == 1
        assert answer.stderr.splitlines()[-1] == "aurelius: cannot install what requirements/run.txt names: see above"


@pytest.mark.parametrize("environ", [{}, {"PYTHON": "python3"}])
def test_python_that_is_too_old(checkout: Path, environ: dict[str, str]) -> None:
    """The message names what was tried, what is needed, and how to name another; nothing is made."""
    interpreter(checkout, "python3", OLD)
    answer = make(checkout, **environ)
    assert answer.returncode == 1
    assert answer.stderr.startswith("aurelius: needs Python 3.11 or newer, which python3")
    assert "PYTHON=python3.12" in answer.stderr
    assert not (checkout / ".venv").exists()


def test_no_python_at_all(checkout: Path) -> None:
    """The same words: nothing on PATH is new enough."""
    answer = make(checkout)
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer" in answer.stderr


def test_newer_python_beside_an_old_one(checkout: Path) -> None:
    """Debian's python3 may be old while python3.12 is there."""
    interpreter(checkout, "python3", OLD)
    interpreter(checkout, "python3.12", NEW)
    assert make(checkout).returncode == 0


def test_python_without_ensurepip(checkout: Path) -> None:
    """As on a fresh Debian: the message names the package."""
    interpreter(checkout, "python3", NEW)
    answer = make(checkout, NO_ENSUREPIP="1")
    assert answer.returncode == 1
    assert answer.stderr == (
        "aurelius: python3 cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv\n"
    )
    assert not (checkout / ".venv").exists()


def test_environment_that_cannot_be_written(checkout: Path) -> None:
    """A full disk, a read-only checkout: Python's own words, and whose they are."""
    interpreter(checkout, "python3", NEW)
    answer = make(checkout, NO_ROOM="1")
    assert answer.returncode == 1
    assert answer.stderr == "aurelius: cannot make .venv: see above\n"


@pytest.mark.skipif(sys.platform != "linux", reason="flock is Linux's")
def test_one_at_a_time(checkout: Path) -> None:
    """`make run` and `make test` at once make one environment after the other, not two into each other."""
    interpreter(checkout, "python3", NEW)
    lock = os.open(checkout / "requirements/run.txt", os.O_RDONLY)
    held = subprocess.run(["flock", "--nonblock", str(lock)], pass_fds=[lock], check=False)
    assert held.returncode == 0
    waiting = subprocess.Popen(
        ["/bin/sh", SCRIPT, ".venv", "requirements/run.txt"], cwd=checkout, env={"PATH": str(checkout / "bin")}
    )
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.3)
    assert not (checkout / ".venv").exists()
    os.close(lock)
    assert waiting.wait(10) == 0
    assert installs(checkout)
