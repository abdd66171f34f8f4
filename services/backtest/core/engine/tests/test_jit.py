"""How kernels are compiled and cached."""

import shutil
import subprocess
import sys
from pathlib import Path

from services.backtest.core.engine import jit

INNER = "from small.jit import kernel\n@kernel\ndef inner(x):\n    return x + {step}.0\n"
OUTER = "from small.jit import kernel\nfrom small.inner import inner\n@kernel\ndef outer(x):\n    return inner(x)\n"
CALL = "from small.outer import outer; print(outer(1.0), sum(outer.stats.cache_hits.values()))"


def _call(folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", CALL], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_change_in_one_file_makes_the_kernels_of_the_others_stale(tmp_path: Path) -> None:
    """A cached kernel is used again, but not once a function that it calls in another file has changed."""
    package = tmp_path / "small"
    package.mkdir()
    shutil.copy(Path(jit.__file__), package / "jit.py")
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(step=1))
    assert [_call(tmp_path), _call(tmp_path)] == ["2.0 0", "2.0 1"]
    (package / "inner.py").write_text(INNER.format(step=2))
    assert _call(tmp_path) == "3.0 0"
