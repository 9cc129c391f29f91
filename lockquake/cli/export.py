"""``lockquake export``: a history in the form that other checkers read."""

from __future__ import annotations

from pathlib import Path

import click

from faults.grammar import BadArgument
from histories.jepsen import write_jepsen
from histories.read import read
from histories.vocabulary import OPERATIONS


@click.command("export", epilog="Example: lockquake export runs/latest --edn history.edn --only acquire,try,release")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--edn", "target", metavar="FILE", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="Write it as Jepsen would: EDN, for Knossos, Porcupine and Elle.")  # fmt: skip
@click.option("--only", metavar="OPERATIONS", help="Leave out all but these, as acquire,try,release (Knossos' mutex).")
def command(path: Path, target: Path, only: str | None) -> None:
    """Write a run directory or history file of any form that `check` understands as a Jepsen history.

    All that Jepsen has no words for rides along, so that `check` gives the same verdicts for the file written.
    """
    operations = tuple(only.split(",")) if only else OPERATIONS
    unknown = [name for name in operations if name not in OPERATIONS]
    if unknown:
        raise BadArgument(f"--only has no {unknown[0]!r}; operations are {', '.join(OPERATIONS)}")
    if target.exists() and path.exists() and target.samefile(path):
        raise BadArgument(f"{target} is the history itself; name another file")
    history = read(path)
    write_jepsen(history, target, operations)
    click.echo(f"{target}: written from {path}")
