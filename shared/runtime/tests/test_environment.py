"""Settings from the environment."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
from msgspec import Meta

from shared.runtime.environment import Rule, SettingsError, Together, load, secrets_of, variable

SMALL = Rule("must be written small", lambda text: iter(["must not be loud"] if text.isupper() else []))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One field of each kind."""

    size: Annotated[int, Meta(ge=1, le=100)]
    ratio: Annotated[float, Meta(gt=0, le=10, title="parts")] = 0.5
    mode: Literal["fast", "safe"] = "safe"
    verbose: bool = False
    folder: Path = Path("here")
    name: str = "nobody"
    word: Annotated[str, SMALL] = "hush"
    port: int = field(default=0, metadata={"variable": "SAMPLE_PORT"})

    RULES: ClassVar[tuple[Together, ...]] = (
        Together(("size", "ratio"), lambda size, ratio: "SIZE must be above RATIO" if size <= ratio else ""),
    )


def faults(environ: dict[str, str]) -> tuple[str, ...]:
    """Return what is wrong."""
    with pytest.raises(SettingsError) as raised:
        load(Sample, environ)
    return raised.value.faults


def test_values_are_read_by_their_type() -> None:
    """From the variable of the field's name in capitals, or of the name it was given."""
    environ = {"SIZE": "7", "RATIO": "1", "MODE": "fast", "VERBOSE": "TRUE", "FOLDER": "/a b", "NAME": "12"}
    assert load(Sample, {**environ, "SAMPLE_PORT": "8"}) == Sample(
        size=7, ratio=1.0, mode="fast", verbose=True, folder=Path("/a b"), name="12", port=8
    )
    assert variable(Sample, "port") == "SAMPLE_PORT"


@pytest.mark.parametrize(
    ("text", "value"),
    [*((text, True) for text in ("true", "1", "Yes", "on")), *((text, False) for text in ("false", "0", "NO", "off"))],
)
def test_a_switch_has_the_spellings_that_people_use(text: str, value: bool) -> None:
    """In any case."""
    assert load(Sample, {"SIZE": "1", "VERBOSE": text}).verbose is value


def test_a_word_is_known_in_any_case() -> None:
    """LOG_LEVEL=debug is no riddle."""
    assert load(Sample, {"SIZE": "1", "MODE": "FAST"}).mode == "fast"


def test_space_around_a_value_is_none_of_it() -> None:
    """A file of variables, or of a secret, ends its lines, some with two characters."""
    assert load(Sample, {"SIZE": " 7\r\n", "NAME": "\tme "}) == Sample(size=7, name="me")


def test_what_is_not_set_has_its_default() -> None:
    """An empty variable is one that is not set: `NAME= make run` must not mean a name of no letters."""
    assert load(Sample, {"SIZE": "7", "RATIO": "", "NAME": " "}) == Sample(size=7)


def test_every_fault_is_named_at_once() -> None:
    """Who sets up a machine wants all the news in one start."""
    environ = {"RATIO": "0", "MODE": "slow", "VERBOSE": "maybe", "WORD": "LOUD", "SAMPLE_PORT": "8k"}
    assert faults(environ) == (
        "SIZE is not set; it must be a whole number from 1 to 100",
        "RATIO must be a number of parts above 0, 10 at most",
        "MODE must be one of fast, safe",
        "VERBOSE must be true or false",
        "WORD must not be loud",
        "SAMPLE_PORT must be a whole number",
    )


def test_a_rule_over_several_fields_is_told_with_the_rest() -> None:
    """Unless one of its fields is wrong by itself, which has been said."""
    assert faults({"SIZE": "3", "RATIO": "9", "MODE": "slow"}) == (
        "MODE must be one of fast, safe",
        "SIZE must be above RATIO",
    )
    assert faults({"SIZE": "x", "RATIO": "9"}) == ("SIZE must be a whole number from 1 to 100",)


@pytest.mark.parametrize("text", ["0", "101", "1.5", "many", "8k", "0x10", "٣"])
def test_a_number_out_of_range_or_shape_is_refused(text: str) -> None:
    """With the range that is wanted."""
    assert faults({"SIZE": text}) == ("SIZE must be a whole number from 1 to 100",)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "-1", "11", "one"])
def test_a_measure_is_a_number_and_has_an_end(text: str) -> None:
    """Not one that compares with nothing, or that no clock reaches."""
    assert faults({"SIZE": "100", "RATIO": text}) == ("RATIO must be a number of parts above 0, 10 at most",)


def test_a_folder_is_none_if_it_is_a_file(tmp_path: Path) -> None:
    """One that is not there yet is made by who needs it; ~ is the home of who runs the process."""
    file = tmp_path / "file"
    file.touch()
    wrong = ("FOLDER must name a folder, not a file, that this process may read",)
    assert faults({"SIZE": "7", "FOLDER": str(file)}) == wrong
    assert faults({"SIZE": "7", "FOLDER": str(file / "below")}) == wrong
    assert load(Sample, {"SIZE": "7", "FOLDER": str(tmp_path / "new")}).folder == tmp_path / "new"
    assert load(Sample, {"SIZE": "7", "FOLDER": "~/x"}).folder == Path.home() / "x"


def test_a_wrong_value_is_not_repeated() -> None:
    """A secret put into the wrong variable must not reach a log."""
    environ = dict.fromkeys(["SIZE", "RATIO", "MODE", "VERBOSE", "WORD", "SAMPLE_PORT"], "HUNTER2")
    assert len(faults(environ)) == 6
    assert all("hunter2" not in fault.lower() for fault in faults(environ))


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process relies on."""
    monkeypatch.setenv("SIZE", "42")
    assert load(Sample).size == 42


@dataclass(frozen=True, kw_only=True)
class Safe:
    """Fields that are not shown."""

    key: str = field(default="open sesame", repr=False)
    url: str = field(default="postgresql://me:p%40ss@db/x?user=me&password=more", repr=False)
    none: str = field(default="", repr=False)
    name: str = "me"


def test_secrets_are_what_is_not_shown() -> None:
    """Of an address the password alone: its host may well stand in a log."""
    assert secrets_of(Safe()) == {"open sesame", "p%40ss", "p@ss", "more"}
    assert repr(Safe()) == "Safe(name='me')"
