"""The cache protocol as a model: every order in which its steps can happen, within a bound, is looked at."""
