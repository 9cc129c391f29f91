"""What it means: from a history to verdicts. Pure; knows no server and imports only ``histories``."""

from checker.compose import check
from checker.verdict import SCHEMA_VERSION, Verdict, WitnessEvent, worst

__all__ = ["SCHEMA_VERSION", "Verdict", "WitnessEvent", "check", "worst"]
