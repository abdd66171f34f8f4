"""What the load suite finds, as it stands in the document."""

from msgspec.structs import replace

from bench.under_load import text_of
from cli.load.processes import ServerUse, Use
from cli.load.results import Memory
from cli.load.tests.reports import report, result


def used(share: float) -> ServerUse:
    """A gateway that took so much of the machine."""
    gateway = Use(name="gateway", number=1, python=True, cpu_percent=share, pss_mb=63.7)
    return ServerUse(processors=2, cpu_percent=share, others_percent=1.0, processes=[gateway])


def test_every_scenario_each_rate_and_each_process_has_a_line() -> None:
    """With what was found, and what was asked for."""
    text = text_of(report(replace(result(), server=used(12.0))))
    assert "| strategies | 50.0 | 100.00% | 1.00 | " in text
    assert "| 50 | 50 | 100.00% | 2.00 | 12 % | yes |" in text
    assert "| 75 | 50 | 100.00% | 2.00 | 12 % | no |" in text
    assert "Knee: 50 requests/s of the mixed load, ended by the platform: GOOD." in text
    assert "| gateway | 1 | 63.7 |" in text
    assert "300.0 MiB, at most 512: met." in text
    assert "takes 12.0 % of the machine, at most 30%: met." in text


def test_what_is_above_its_bound_is_told() -> None:
    """Memory as well as the share of the machine, and one that nobody knows."""
    for server in (used(31.0), None):
        found = report(replace(result(), server=server))
        text = text_of(replace(found, memory=Memory(pss_mb=513, bound_mb=512, asked=True)))
        assert text.count("**not met**") == 2
