"""Whether the running system ever shows something old: many read and write a few things while its parts are broken."""
