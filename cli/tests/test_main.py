"""The command line itself."""

import click
import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, aurelius
from shared.runtime.release import release


def test_help_lists_every_command() -> None:
    """Each with a line of its own."""
    shown = CliRunner().invoke(aurelius, ["--help"])
    assert shown.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in shown.output


@pytest.mark.parametrize("name", COMMANDS)
def test_each_module_has_its_command(name: str) -> None:
    """Under the name by which it is called."""
    found = aurelius.get_command(click.Context(aurelius), name)
    assert found is not None
    assert found.name == name


def test_an_unknown_command_is_a_mistake_of_the_caller() -> None:
    """Said in a sentence, with the exit status for wrong usage."""
    shown = CliRunner().invoke(aurelius, ["laod"])
    assert shown.exit_code == 2
    assert "No such command 'laod'" in shown.output


def test_the_version_is_that_of_the_platform() -> None:
    """The tree's own."""
    assert CliRunner().invoke(aurelius, ["--version"]).output == f"aurelius, version {release()}\n"
