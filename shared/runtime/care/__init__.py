"""Care for a service's tables: their sizes, indexes and statistics, what is slow, and what has grown too old."""
