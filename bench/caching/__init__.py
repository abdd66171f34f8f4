"""The parts of `python -m bench.cache`: its data, its servers, its rounds, the mix of reads, and what is printed."""
