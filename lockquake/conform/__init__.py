"""Whether a lock's adapter keeps the contract of :mod:`nuclei.locks.base`, tried on real servers, call by call.

A verdict of a trial rests on how calls ended; this tests that they end as they say. The runner tells client processes
what to call, cuts their links in the middle of a call, and compares what a call said with what the servers hold.
"""
