"""The engine: compiled kernels for indicators and for execution, and the walk over a strategy that calls them."""
