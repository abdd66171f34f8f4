"""What is compared with: written as its own users would write it, and no better or worse than its kind."""
