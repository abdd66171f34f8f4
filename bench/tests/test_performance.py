"""The document that `make bench` writes: each part has its place, and only that is replaced."""

import pytest

from bench import performance
from bench.performance import DOCUMENT, PARTS, Part, main, measured, placed, section

EMPTY = "before\n<!-- python -m bench.bus: begin -->\nold\n<!-- python -m bench.bus: end -->\nafter\n"


def test_only_what_is_between_the_markers_is_replaced() -> None:
    """The document's own words stay."""
    once = placed(EMPTY, "bus", "new")
    assert once == EMPTY.replace("old", "\nnew\n")
    assert placed(once, "bus", "new") == once
    with pytest.raises(ValueError, match="has no"):
        placed(EMPTY, "jobs", "new")


def test_each_part_has_a_place_and_a_program() -> None:
    """What is measured could not be written, or could not be measured, else."""
    document = DOCUMENT.read_text(encoding="utf-8")
    for part in PARTS:
        assert "new" in placed(document, part.name, "new")
        assert f"`bench.{part.name}`" in document
        assert (DOCUMENT.parents[1] / "bench" / f"{part.name}.py").exists()


def test_lines_stand_as_they_were_printed() -> None:
    """Tables are Markdown; what is aligned by blanks is not."""
    assert section(Part("a", markdown=True), ["| a |\n"], "On it.") == "| a |"
    lines = section(Part("a"), ["\n  x   1\n", "y  22\n"], "On it.")
    assert lines == "On it.\n\n```text\n  x   1\n```\n\n```text\ny  22\n```"


def test_a_part_that_fails_is_told_and_leaves_its_section(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No figure is replaced by none."""
    before = DOCUMENT.read_text(encoding="utf-8")
    monkeypatch.setattr(performance, "printed_by", lambda *_: ("", 1))
    assert main(["--only", "bus,jobs"]) == "less was found than is asked for, or nothing: bus, jobs"
    assert DOCUMENT.read_text(encoding="utf-8") == before
    assert "bench.bus ..." in capsys.readouterr().err


def test_a_part_runs_once_for_each_of_its_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the arguments of each."""
    programs: list[tuple[str, ...]] = []

    def run(*program: str) -> tuple[str, int]:
        programs.append(program)
        return "said", 0

    monkeypatch.setattr(performance, "printed_by", run)
    assert measured(Part("jobs", runs=((), ("--workers", "2")))) == (["said", "said"], True)
    assert programs == [("bench.jobs",), ("bench.jobs", "--workers", "2")]


def test_an_unknown_part_is_told_with_those_that_there_are() -> None:
    """Nothing is measured for an hour and then found to be nothing."""
    assert str(main(["--only", "cach"])).startswith("there is no part cach; there are cache, indexes, ")
