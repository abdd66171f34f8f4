"""The bus: FastStream reads in batches; what it has no door for (coalesced writes, groups) stands beside it."""
