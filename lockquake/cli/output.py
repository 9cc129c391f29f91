"""How commands speak: progress on stderr, results on stdout, JSON when asked for."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import msgspec

from lockquake.trial import Say, TrialResult


def progress(quiet: bool = False) -> Say:
    """A function that prints one line of progress with the seconds since now."""
    began = time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            click.echo(f"{time.monotonic() - began:6.1f} s  {text}", err=True)
            sys.stderr.flush()

    return say


def plain(text: str) -> None:
    """Print a line of progress as it is."""
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def as_data(result: TrialResult) -> dict[str, Any]:
    """A trial's result as plain data for ``--json``."""
    return {
        "nucleus": result.plan.nucleus,
        "faults": result.plan.faults,
        "seed": result.plan.seed,
        "platform": result.plan.platform,
        "status": result.status,
        "message": result.message,
        "seconds": round(result.seconds, 2),
        "directory": str(result.directory),
        "verdicts": msgspec.to_builtins(result.verdicts),
    }
