"""What each query of the services reads, by EXPLAIN, however many rows there are."""
