"""The table of functions in docs/language.md, made from the registry.

`python -m services.backtest.core.language.tests.function_table` prints it.
"""

from services.backtest.core.language.functions import FAMILIES, Function

HEAD = ("| function | what it is | how it is computed | unit | warm-up | source |", "|---|---|---|---|---|---|")


def rows() -> list[str]:
    """The lines of the table, family by family."""
    return [*HEAD, *(_row(function) for family in FAMILIES for function in family if not function.internal)]


def _row(function: Function) -> str:
    optional = [argument.name for argument in function.arguments if argument.optional]
    does = function.does + "".join(f"; {name} may be left out" for name in optional)
    shown = (f"`{function.call_form}`", does, f"`{function.shown}`", function.unit, f"`{function.warmup}`")
    return f"| {' | '.join((*shown, function.source))} |"


if __name__ == "__main__":
    print("\n".join(rows()))  # noqa: T201  # that is what it is for
