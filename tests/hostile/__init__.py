"""Hostile requests: whatever is sent, nothing breaks, hangs, or is our fault."""
