"""The caps on a strategy document, all checked before the work they bound."""

MAX_PARAMS = 32
MAX_LETS = 64
MAX_CONSTRAINTS = 32
MAX_CHOICES = 64

MAX_SOURCE_LENGTH = 2_000
"""Characters in one expression."""
MAX_NODES = 500
"""Operators, calls, names and constants in one expression."""
MAX_TOTAL_NODES = 2_000
"""The same, over the whole document: it bounds the arrays an evaluation makes."""
MAX_JOINED = 500
"""Conditions that one `and` or `or` joins, those of the names in it counted as if they were written out."""
MAX_DEPTH = 64
"""Operations nested in one another in one expression."""

MAX_WINDOW = 5_000
"""Bars a window function may look at. Those that go through each window afresh cost bars x window: sma, sum_n, stddev,
variance, percentrank, cci and what is made of them; the others cost the same whatever their window."""
MAX_LAG = 5_000
"""Bars `x[n]` may reach back, nested lags added up."""

MAX_WHOLE = 2**53
"""The largest whole number that a float64 holds without rounding."""

MAX_ERRORS = 50
