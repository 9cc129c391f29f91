"""What it means: from a history to verdicts. Pure; knows no server and imports only ``histories``."""

from checker.compose import Examined, check, examine
from checker.verdict import SCHEMA_VERSION, Verdict, WitnessEvent, worst

__all__ = ["SCHEMA_VERSION", "Examined", "Verdict", "WitnessEvent", "check", "examine", "worst"]
