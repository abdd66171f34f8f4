"""Tables for people, and JSON for programs."""

from collections.abc import Sequence
from datetime import datetime

import click
import msgspec


def print_json(value: object) -> None:
    """Print a value as the HTTP API gives it."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as they have to be; those of figures, whose headings end with a space, to the right."""
    table = [[heading.strip() for heading in headings], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    for row in table:
        cells = [
            cell.rjust(width) if heading.endswith(" ") else cell.ljust(width)
            for cell, width, heading in zip(row, widths, headings, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def size(number: int | None) -> str:
    """Return bytes in the largest unit of which there is one."""
    if number is None:
        return "-"
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def moment(at: datetime | None) -> str:
    """Return a time to the minute, in UTC."""
    return at.strftime("%Y-%m-%d %H:%M") if at else "never"


def figure(number: float | None) -> str:
    """Return a number with its thousands apart."""
    return "-" if number is None else f"{number:,}"
