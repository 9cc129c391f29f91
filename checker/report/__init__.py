"""How verdicts are shown: as text for a terminal or a CI log."""
