"""What every service stands on: contracts, the runtime and the cache."""
