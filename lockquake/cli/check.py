"""``lockquake check``: verdicts from files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from faults.grammar import BadArgument
from histories.read import MERGED, PARTS
from histories.spec import Spec
from lockquake.cli.output import print_json
from lockquake.judge import EXIT_CODES, judge, worst_code


@click.command("check", epilog="Example: lockquake check runs/latest")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--spec", "spec_text", metavar="JSON", help="The lock's promises, e.g. '{\"lease_ns\": 2000000000}'.")
@click.option("--checker", "only", multiple=True, metavar="PROPERTY", help="Judge only these properties.")
@click.option("--json", "as_json", is_flag=True, help="Verdicts as JSON on stdout.")
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], spec_text: str | None, only: tuple[str, ...], as_json: bool
) -> None:
    """Judge run directories and history files again; a directory of runs judges all of them."""
    spec = _spec(spec_text) if spec_text else None
    codes: list[int] = []
    data: list[dict[str, Any]] = []
    for path in expand(paths):
        judgement = judge(path, spec, list(only) or None)
        codes.append(EXIT_CODES[judgement.status])
        data.append(
            {
                "path": str(path),
                **judgement.data(),
            }
        )
        if not as_json:
            click.echo(f"{path}: {judgement.status}" + (f" ({judgement.message})" if judgement.message else ""))
            click.echo(judgement.text + "\n")
    if as_json:
        print_json(data)
    ctx.exit(worst_code(codes))


def expand(paths: tuple[Path, ...]) -> list[Path]:
    """Histories among the paths: files, run directories; of any other directory the history files in it and the run
    directories below it. Raises BadArgument for a path that does not exist or holds none."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise BadArgument(f"{path} does not exist; name a run directory, a directory of them, or a history file")
        if not path.is_dir() or (path / MERGED).is_file() or (path / PARTS).is_dir():
            found.append(path)
            continue
        runs = {part.parent for part in path.rglob(PARTS) if part.is_dir()}
        runs |= {merged.parent for merged in path.rglob(MERGED) if merged.is_file()}
        below = sorted(path.glob("*.jsonl")) + sorted(runs)
        if not below:
            raise BadArgument(f"{path} holds no histories: no *.jsonl, and no directory with {MERGED} or {PARTS}/")
        found.extend(below)
    return found


def _spec(text: str) -> Spec:
    try:
        return msgspec.json.decode(text, type=Spec)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadArgument(f"--spec is no specification: {error}") from error
