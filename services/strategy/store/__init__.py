"""All SQL of the strategy service: accounts, sessions, strategies. A statement that locks says so in its name."""
