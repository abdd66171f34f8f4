"""Kernels of tests side by side: compiled once, copied to each process."""

import sys
from pathlib import Path

import pytest

from tests.kernels import ONCE, Kernels

COMPILES = """
import os, sys
from pathlib import Path
folder = Path(os.environ["NUMBA_CACHE_DIR"], "engine_1")
folder.mkdir(parents=True, exist_ok=True)
(folder / "sma.nbc").write_text(sys.argv[1])
(folder / "kernels-py311.state").write_text(sys.argv[1])
"""


def filled(kept: Path, process: str, version: str = "one") -> Path:
    """The folder of a process, when a version of the engine has been warmed up for it."""
    kernels = Kernels(kept, process, (sys.executable, "-c", COMPILES, version))
    try:
        kernels.fill()
    finally:
        kernels.end()
    return kept / process / "engine_1"


def test_each_process_has_a_copy(tmp_path: Path) -> None:
    """Of what was compiled in the one folder; what it compiles then is its own."""
    first, second = filled(tmp_path, "gw0"), filled(tmp_path, "gw1")
    (first / "more.nbc").write_text("of the first")
    assert (second / "sma.nbc").read_text() == "one"
    assert not (second / "more.nbc").exists()
    assert not (tmp_path / ONCE / "engine_1" / "more.nbc").exists()


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    """Nothing is copied over kernels of the same version, and what tests have compiled besides stays."""
    (filled(tmp_path, "gw0") / "more.nbc").write_text("by a test")
    assert (filled(tmp_path, "gw0") / "more.nbc").exists()


def test_another_version_takes_the_place_of_all(tmp_path: Path) -> None:
    """Nothing of the one before is left."""
    (filled(tmp_path, "gw0") / "more.nbc").write_text("by a test")
    own = filled(tmp_path, "gw0", "two")
    assert (own / "sma.nbc").read_text() == "two"
    assert not (own / "more.nbc").exists()


def test_half_a_copy_is_made_anew(tmp_path: Path) -> None:
    """As one that was cut short is."""
    filled(tmp_path, "gw1")
    (tmp_path / "gw0.new" / "engine_1").mkdir(parents=True)
    (tmp_path / "gw0.new" / "engine_1" / "sma.nbc").write_text("half")
    (tmp_path / "gw0" / "engine_1").mkdir(parents=True)
    assert (filled(tmp_path, "gw0") / "sma.nbc").read_text() == "one"


def test_what_cannot_be_compiled_is_told(tmp_path: Path) -> None:
    """In the compiler's own words."""
    kernels = Kernels(tmp_path, "gw0", (sys.executable, "-c", "raise SystemExit('no room on the disk')"))
    with pytest.raises(RuntimeError, match=r"could not be compiled for the tests \(status 1\):\nno room on the disk"):
        kernels.fill()
    kernels.end()
    assert not (tmp_path / "gw0").exists()


def test_who_does_not_wait_leaves_nothing_that_runs(tmp_path: Path) -> None:
    """As when the tests cannot even be read."""
    kernels = Kernels(tmp_path, "gw0", (sys.executable, "-c", "import time; time.sleep(600)"))
    kernels.end()
    assert kernels.process.returncode is not None
