"""HTTP as it is shown: how long it took by class of status, how often by status.

A histogram has a score of samples. By status alone they would be several times as many, and tell no more of time.
"""

from services.metrics.core.names import HTTP_ANSWERS, HTTP_DURATION, HTTP_REQUESTS
from services.metrics.core.totals import OTHER, Series


def shown_http(series: dict[str, Series]) -> dict[str, Series]:
    """Return all series, with those that are shown of HTTP in place of what is measured."""
    answers = series.get(HTTP_ANSWERS.name)
    if answers is None:
        return series
    durations: Series = {}
    requests: Series = {}
    for (method, route, status), vector in answers.items():
        labels = (method, route, class_of(status))
        known = durations.get(labels)
        durations[labels] = vector if known is None else [a + b for a, b in zip(known, vector, strict=True)]
        requests[method, route, status] = [sum(vector[:-1])]
    shown = {name: found for name, found in series.items() if name != HTTP_ANSWERS.name}
    return {**shown, HTTP_DURATION.name: durations, HTTP_REQUESTS.name: requests}


def class_of(status: str) -> str:
    """Return the class of a status: `2xx` of `204`."""
    return f"{status[0]}xx" if len(status) == 3 and status.isdigit() else OTHER
