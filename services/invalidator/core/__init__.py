"""What events mean for the cache: pure, no I/O."""
