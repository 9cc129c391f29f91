"""Linearizability of locks that never lapse, by lock-specific exact algorithms in O(n log n) (CHECKERS §1–4)."""
