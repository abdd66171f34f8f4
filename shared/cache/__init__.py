"""The second-level cache: versioned objects in Redis, kept so that no answer older than a processed event is served."""
