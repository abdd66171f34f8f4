"""The launcher's terminal."""

import errno
import io

import pytest

from deploy.local.output import Output


class Terminal(io.StringIO):
    """Somebody is looking."""

    def isatty(self) -> bool:
        """It is a terminal."""
        return True


class Closed(io.StringIO):
    """A pipe whose reader has gone, or a terminal that was closed."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, _: str) -> int:
        """Fail as such a pipe does."""
        raise self._error


def test_lines_carry_their_writers_name() -> None:
    """Plain text, names aligned, when the output is not a terminal."""
    stream = io.StringIO()
    output = Output(stream)
    output.writer("gateway")("up")
    output.writer("invalidator")("up")
    output.error("it broke")
    output.block(["", "  read this"])
    assert stream.getvalue().splitlines() == [
        "gateway     | up",
        "invalidator | up",
        "launcher    | it broke",
        "",
        "  read this",
    ]


def test_each_name_has_its_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for all its lines, another one for the next name, none when NO_COLOR asks for none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    output = Output(stream)
    for name in ("bus", "cache", "bus"):
        output.writer(name)("x")
    first, second, third = (line.split("bus")[0].split("cache")[0] for line in stream.getvalue().splitlines())
    assert first == third != second
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    Output(plain).writer("bus")("x")
    assert plain.getvalue() == "bus         | x\n"


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.EIO, "Input/output error")])
def test_reader_that_has_gone(error: OSError) -> None:
    """`make run | head`, or a closed terminal under nohup, does not bring the platform down."""
    output = Output(Closed(error))
    output.writer("bus")("one")
    output.writer("bus")("two")
