"""Which form of the metrics an Accept header asks for."""

from typing import Literal

Form = Literal["prometheus", "openmetrics", "json"]

MEDIA_TYPE: dict[Form, str] = {
    "prometheus": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "json": "application/json",
}


def form_of(accept: str) -> Form:
    """Return the best of the three forms by q-value; on a tie the first named, and JSON for no or any preference."""
    best: Form = "json"
    best_q = 0.0
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        form = _form(media)
        q = _q(parameters)
        if form is not None and q > best_q:
            best, best_q = form, q
    return best


def _form(media: str) -> Form | None:
    if media == "application/openmetrics-text":
        return "openmetrics"
    if media in {"text/plain", "text/*"}:
        return "prometheus"
    return "json" if media in {"application/json", "application/*", "*/*"} else None


def _q(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
