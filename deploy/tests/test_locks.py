"""The locks as they are in the repository, and the check that they match pyproject.toml."""

import re
from pathlib import Path

import pytest

from deploy.locks import FOLDER, IMAGES, ROOT, Lock, all_locks, outdated

LOCKS = all_locks((ROOT / "pyproject.toml").read_text())


def text_of(name: str) -> str:
    return (ROOT / FOLDER / name).read_text()


def pins(text: str) -> dict[str, str]:
    """By name and marker: the pinned requirement with all its hashes."""
    blocks = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
    return {block.split(" \\")[0]: block for block in blocks}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_version_is_pinned_by_hash(lock: Lock) -> None:
    """Nothing can be installed but the very files that were locked."""
    for name, block in pins(text_of(lock.name)).items():
        assert re.match(r"[a-z0-9.-]+==\S+( ; .+)?$", name)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_address_is_recorded(lock: Lock) -> None:
    """Where packages come from is the business of whoever installs them; no lock names a host or a folder."""
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted-host|(^|\s)/", text_of(lock.name))


def test_tests_run_on_the_versions_that_run() -> None:
    """What `make test` installs holds what `make run` installs, file for file."""
    assert pins(text_of("dev.txt")).items() >= pins(text_of("run.txt")).items()


def test_benchmarks_measure_the_versions_that_run() -> None:
    """`make bench` installs the same versions; what its peers need besides may be needed on more systems."""
    measured, runs = ({pin.partition(" ;")[0] for pin in pins(text_of(name))} for name in ("bench.txt", "run.txt"))
    assert measured >= runs


@pytest.mark.parametrize("image", IMAGES)
def test_images_run_on_the_versions_that_run(image: str) -> None:
    """What is installed in an image is a part of what `make run` installs and the tests have seen, file for file."""
    assert pins(text_of(f"{image}.txt")).items() <= pins(text_of("run.txt")).items()


def test_demo_data_comes_alone() -> None:
    """Its package's own requirements (pandas and others) serve code that is never imported."""
    assert [name.split("==")[0] for name in pins(text_of("demo.txt"))] == ["bokeh-sampledata"]


def same(lock: Lock, target: Path) -> None:
    """A compiler that finds nothing to change; the lock's present text is there for it."""
    assert target.read_text() == text_of(lock.name)


def more_hashes(_: Lock, target: Path) -> None:
    """A compiler that meets files uploaded since."""
    first, rest = target.read_text().split("\n", 1)
    target.write_text(f"{first}\n    --hash=sha256:{'0' * 64} \\\n{rest}")


def one_package_more(lock: Lock, target: Path) -> None:
    """A compiler for a pyproject.toml that asks for one package more."""
    if lock.name == "dev.txt":
        target.write_text(f"{target.read_text()}zstandard==0.23.0 \\\n    --hash=sha256:{'0' * 64}\n")


def test_check_passes_unchanged_locks() -> None:
    """Also when a locked release has gained files."""
    assert outdated(LOCKS, same) == []
    assert outdated(LOCKS, more_hashes) == []


def test_check_names_the_lock_that_differs() -> None:
    """A dependency that was added without locking it is found."""
    assert outdated(LOCKS, one_package_more) == ["dev.txt"]
