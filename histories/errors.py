"""What is raised for a history that cannot be judged."""

from __future__ import annotations


class HistoryError(Exception):
    """A history that cannot be judged; the message names file and line, what was seen, and what to do."""


RESTORE = "restore the file from the run's parts"
MEND = f"{RESTORE}, or mend the program that wrote it"
"""What to do about a file that says what cannot be."""
