"""Which form of a table an Accept header gets."""

import pytest

from services.gateway.core.table_forms import table_form
from shared.contracts.messages import TableForm

ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("application/*", None),
        ("text/html,application/xhtml+xml,*/*;q=0.8", None),
        ("image/png", None),
        ("text/csv", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("text/*", "csv"),
        (ARROW, "arrow"),
        (PARQUET, "parquet"),
        (f"{PARQUET}, application/json;q=0.9", "parquet"),
        ("text/csv;q=0.5, application/json", None),
        (f"text/csv;q=0.5, {ARROW};q=0.6", "arrow"),
        ("*/*;q=0.1, text/csv", "csv"),
        ("application/json;q=0, */*", "csv"),
        ("text/csv;q=x, application/json;q=0.1", None),
        (",;,", None),
    ],
)
def test_the_form_that_is_wanted_most_is_given(accept: str, form: TableForm | None) -> None:
    """The nearest range counts; JSON for no preference, and when nothing that is wanted is there."""
    assert table_form(accept) == form
    assert table_form(accept, "json") is None
    assert table_form(accept, "arrow") == "arrow"
