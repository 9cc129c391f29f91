"""The ledger: the store the lock is meant to protect. A real Redis that is never faulted and not atomic on purpose."""
