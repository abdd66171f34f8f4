"""What the service answers: one method a message, the methods of one kind of entity in one file."""
