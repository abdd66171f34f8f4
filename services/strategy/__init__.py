"""Owns accounts, sessions and strategies; consumes requests alone; publishes user, session and strategy events."""
