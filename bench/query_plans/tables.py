"""The tables that are printed, in Markdown: what each query read at each size, and which index it has."""

from collections.abc import Iterable, Mapping, Sequence

from bench.query_plans.query import VERSION, Query, Result


def readings_table(results: Mapping[int, Sequence[Result]]) -> str:
    """Return a line for each query, `results` being by the number of runs: rows read, pages touched, milliseconds.

    Rows and pages are those of the trial that took most, of a page of 200 mostly; the time is the median of the trials.
    By the index of its versions each list and each single resource reads its own as well.
    """
    sizes = sorted(results)
    by_name = {size: {result.query.name: result for result in results[size]} for size in sizes}
    lines = [
        "| query | index | may read | " + " | ".join(f"at {size:,} runs" for size in sizes) + " |",
        "|---|---|---|" + "---|" * len(sizes),
    ]
    for result in results[sizes[-1]]:
        query = result.query
        cells = [_reading(by_name[size][query.name]) for size in sizes]
        may_read = max(trial.rows for trial in query.trials)
        shown = query.indexes - {VERSION} or query.indexes
        lines.append(f"| {query.name} | {_indexes(query, shown)} | {may_read} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _reading(result: Result) -> str:
    return f"{result.rows} rows, {result.buffers} pages, {result.milliseconds:.2f} ms"


def names_table(queries: Iterable[Query], named: Iterable[str]) -> str:
    """Return a line for each query that has one of the indexes `named`, for ARCHITECTURE.md."""
    shown = frozenset(named)
    lines = [
        f"| {query.name} | {_indexes(query, query.indexes & shown)} |" for query in queries if query.indexes & shown
    ]
    return "\n".join(["| query | index |", "|---|---|", *lines])


def _indexes(query: Query, shown: frozenset[str]) -> str:
    return query.remark or ", ".join(f"`{index}`" for index in sorted(shown))
