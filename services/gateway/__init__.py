"""Owns the HTTP contract and nothing else; asks the services, reads and fills the cache, publishes only its timings."""
