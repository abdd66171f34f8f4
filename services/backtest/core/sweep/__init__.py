"""Sweeps: a strategy with many combinations of params, each distinct series computed once, ten metrics for each.

`Space` says which combinations, `plan` sorts a strategy's nodes into what is the same for all, what many share and what
each computes by itself, `machine` runs the last of these block by block, and `Sweep` puts it all together.

Nothing is imported here: who reads a space, as the service does, needs no compiler.
"""
