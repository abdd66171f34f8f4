"""What was measured, added up: pure, no clock and no I/O."""
