"""The rules of accounts and strategies, without I/O."""
