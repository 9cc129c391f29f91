"""The properties a history is judged by, one per file; :mod:`checker.registry` lists them."""
