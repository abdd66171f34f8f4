"""The load suite: `aurelius load`."""
