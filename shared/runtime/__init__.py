"""What every service runs on: settings, logs, health, the bus, the database, the outbox and its relay, timings."""
