"""`aurelius`: each command is a package of its own, `cli/<name>/command.py`, that is imported when it is called for.

A new one is a line of COMMANDS, and a module in which `command` is a click command or group.
"""

import importlib

import click

from shared.runtime.release import release

COMMANDS = {
    "db": "cli.db.command",
    "load": "cli.load.command",
}
"""The module of each command."""


class Commands(click.Group):
    """The commands that there are: one does not pay for what another imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one by its name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = importlib.import_module(module).command
        if not isinstance(found, click.Command):
            raise TypeError(f"{module}.command is no command")
        return found


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(release(), prog_name="aurelius")
def aurelius() -> None:
    """Tools for those who run AURELIUS."""
