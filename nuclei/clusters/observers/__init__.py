"""Observers: what the servers themselves say of the lock during a trial, read beside them, never through a proxy."""
