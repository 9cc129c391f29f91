"""``lockquake check``: verdicts from files alone, ours or recorded elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from checker.registry import PROPERTIES, find
from faults.grammar import BadArgument
from histories.columnar import SUFFIX
from histories.jepsen import sniff
from histories.read import MERGED, PARTS, HistoryError
from histories.spec import Spec
from lockquake.cli.output import print_json
from lockquake.judge import EXIT_CODES, Judgement, judge, worst_code
from lockquake.promises import parse_spec


@click.command(
    "check", epilog="Examples: lockquake check runs/latest · lockquake check history.edn --spec mutex,lease=2s"
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--spec", "spec_text", metavar="SPEC",
              help="What the lock promised: 'mutex,lease=2s,refusals=exact', 'register', or JSON.")  # fmt: skip
@click.option("--checker", "only", multiple=True, metavar="PROPERTY", help="Judge only these properties.")
@click.option("--json", "as_json", is_flag=True, help="Verdicts as JSON on stdout.")
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], spec_text: str | None, only: tuple[str, ...], as_json: bool
) -> None:
    """Judge run directories and history files again; a directory of runs judges all of them.

    Understood are our JSON lines and columnar files, Jepsen's histories (EDN) and the log lines Jepsen prints.
    """
    spec = parse_spec(spec_text) if spec_text else None
    _require_properties(only)
    codes: list[int] = []
    data: list[dict[str, Any]] = []
    for path in expand(paths):
        judgement = _judged(path, spec, only)
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


def _require_properties(names: tuple[str, ...]) -> None:
    for name in names:
        if find(name) is None:
            known = ", ".join(entry.name for entry in PROPERTIES)
            raise BadArgument(f"there is no property {name!r} for --checker; there are {known}")


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
        below = sorted(file for file in path.iterdir() if _is_history(file)) + sorted(runs)
        if not below:
            raise BadArgument(f"{path} holds no histories: no *.jsonl, and no directory with {MERGED} or {PARTS}/")
        found.extend(below)
    return found


def _is_history(path: Path) -> bool:
    """Whether a file in a directory is a history of its own: by contents, but for empty files and copies in columns."""
    if not path.is_file() or (path.suffix == SUFFIX and path.with_suffix(".jsonl").is_file()):
        return False
    return path.suffix == ".jsonl" or sniff(path) is not None


def _judged(path: Path, spec: Spec | None, only: tuple[str, ...]) -> Judgement:
    """A history that cannot be read is a harness error of its own, so that the others are judged all the same."""
    try:
        return judge(path, spec, list(only) or None)
    except HistoryError as error:
        return Judgement("harness error", message=str(error))
