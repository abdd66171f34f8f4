"""A sixth service, as small as one can be: all it takes is this folder. It counts the changes of each owner."""
