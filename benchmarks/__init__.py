"""Measurements of the service beside named peers, on one machine and in one run: `python -m benchmarks`.

Belongs here: starting both sides, load, timing, bars and the table of results. Does not belong here: tests
of behaviour, and anything the service needs to run.
May know: nothing of `controlplane` and `cli`; both are started as the programs a user types.
"""
