"""HTTP rules without I/O: entity tags, preconditions, preferences, the shape of problems."""
