"""The command as it is called in a checkout."""

import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "aurelius"
# Makes an environment whose Python only tells how it was called.
ENVIRONMENT = """#!/bin/sh
[ -f pyproject.toml ] || exit 1
mkdir -p "$1/bin"
printf '#!/bin/sh\\necho "$2 $PYTHONPATH $*"\\n' >"$1/bin/python"
chmod +x "$1/bin/python"
"""


def test_it_runs_from_any_folder_in_the_environment_of_make_run(tmp_path: Path) -> None:
    """Files that are named to it are those of the folder that it is called in, also through a link."""
    checkout, elsewhere = tmp_path / "checkout", tmp_path / "elsewhere"
    (checkout / "deploy/local").mkdir(parents=True)
    elsewhere.mkdir()
    shutil.copy(SCRIPT, checkout)
    (checkout / "pyproject.toml").touch()
    (checkout / "deploy/local/environment.sh").write_text(ENVIRONMENT)
    (elsewhere / "aurelius").symlink_to(checkout / "aurelius")
    command = [str(elsewhere / "aurelius"), "load", "--json", "found.json"]
    done = subprocess.run(
        command, cwd=elsewhere, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert done.stdout.split() == ["cli", str(checkout), "-m", "cli", "load", "--json", "found.json"]
