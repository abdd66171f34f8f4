"""The name under which a client saves a file."""

import pytest

from services.gateway.exported import saved_as


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("AAPL-1d.csv", 'attachment; filename="AAPL-1d.csv"'),
        ('a "b";\r\nc.csv', 'attachment; filename="a-b-c.csv"'),
        ("\u82f9\u679c-1d.csv", "attachment; filename=\"--1d.csv\"; filename*=UTF-8''%E8%8B%B9%E6%9E%9C-1d.csv"),
    ],
)
def test_a_name_keeps_its_letters(name: str, header: str) -> None:
    """What not every client reads stands beside what every client does, and nothing ends the header early."""
    assert saved_as(name) == header
