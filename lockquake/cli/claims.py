"""``lockquake claims``: what is claimed of the locks, and, with --measure, what comes of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from faults.grammar import BadArgument, duration
from faults.watch import Interrupted
from lockquake.batch import stop_on_signals
from lockquake.campaign_record import Record
from lockquake.claims import numbers
from lockquake.claims.cells import Cell, choose_cells, choose_locks, unreadable
from lockquake.claims.findings import judged, surprises
from lockquake.claims.measure import Row, measure
from lockquake.claims.page import against, page, sentence
from lockquake.cli.campaign import progress
from lockquake.cli.output import plain, print_json
from lockquake.expectation import EXIT_CODES
from lockquake.judge import NOTHING_TESTED, worst_code
from lockquake.support import choose_for
from nuclei.platforms.choice import NAMES

PAGE, DATA = "claims.md", "claims.json"
BUDGET = "--budget"


@click.command(
    "claims", epilog="Example: lockquake claims redis-set-nx-px --measure /tmp/claims --times 3 --budget 30m"
)
@click.argument("locks", nargs=-1, metavar="[LOCK]…")
@click.option("--cluster", "clusters", multiple=True, metavar="NAME", help="Only on this cluster; may be repeated.")
@click.option("--fault", "faults", multiple=True, metavar="FAMILY", help="Only this family, or none; may be repeated.")
@click.option("--unclaimed", is_flag=True, help="Only where nothing is claimed.")
@click.option("--measure", "place", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Run the trials that DIR does not hold yet, and write the table there.")  # fmt: skip
@click.option("--times", default=3, show_default=True, type=click.IntRange(1, 10_000), help="Trials of each cell.")
@click.option(BUDGET, metavar="TIME", help="Begin no trial after this long, e.g. 30m; 0s only writes the table.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Clusters side by side.")
@click.option("--platform", default="auto", show_default=True, type=click.Choice(NAMES))
@click.option("--json", "as_json", is_flag=True, help="The rows as JSON on stdout.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Show what is claimed of LOCKs (all without): kept, lost or unclaimed, where, under which fault, and by whom.

    With --measure every cell is tried. What was measured stays in DIR, so that a campaign that was interrupted or
    killed goes on where it was. Exit code: 0 everything as claimed · 1 a claim broken · 2 unknown, not measured, or a
    violation that did not show · 3 harness error."""
    if options["place"] is None and options["budget"] is not None:
        raise click.UsageError(f"{BUDGET} is for --measure DIR")
    locks = choose_locks(options["locks"])
    cells = choose_cells(locks, options["clusters"], options["faults"])
    if options["unclaimed"]:
        cells = [cell for cell in cells if cell.unclaimed]
    if not cells:
        raise BadArgument("no lock has such a cell; `lockquake claims` shows all")
    if options["place"] is None:
        _show(cells, options["as_json"])
        for lock, claim in unreadable(locks):
            plain(
                f"{lock.name}: {claim.fault!r} is no fault that can be tried, so {claim.property} is not measured there"
            )
        return
    ctx.exit(_measure(cells, options))


def _show(cells: Sequence[Cell], as_json: bool) -> None:
    if as_json:
        print_json([_cell_data(cell) for cell in cells])
        return
    for nucleus in dict.fromkeys(cell.nucleus for cell in cells):
        click.echo(nucleus)
        for cell in cells:
            if cell.nucleus == nucleus:
                click.echo("\n".join(_lines(cell)))


def _lines(cell: Cell) -> list[str]:
    lines = [f"  {cell.scenario.words} ({cell.scenario.typed})"]
    for claim in cell.claims:
        how = " ".join(part for part in (claim.kind, claim.cause and f"by {claim.cause}") if part)
        lines.append(f"    {claim.verdict:<9} {claim.property}{f': {how}' if how else ''} — {claim.source}")
    return lines if cell.claims else [*lines, "    unclaimed nothing is said of it"]


def _cell_data(cell: Cell) -> dict[str, Any]:
    return {
        "lock": cell.lock.name,
        "cluster": cell.cluster,
        "fault": cell.scenario.typed,
        "words": cell.scenario.words,
        "settings": list(cell.scenario.settings),
        "claims": [
            {name: value for name, value in msgspec.to_builtins(claim).items() if name not in {"fault", "clusters"}}
            for claim in cell.claims
        ],
    }


def _measure(cells: Sequence[Cell], options: dict[str, Any]) -> int:
    place: Path = options["place"]
    budget = None if options["budget"] is None else duration(options["budget"])
    chosen = choose_for(options["platform"], sorted({cell.cluster for cell in cells}))
    plain(f"{chosen}")
    plain(f"{len(cells)} cells, {options['times']} trials each, kept in {place}")
    told = "interrupted; everything was healed and swept, and what was measured is kept: the same command goes on"
    with Record(place) as record, stop_on_signals() as stop:
        try:
            rows = measure(
                cells,
                record,
                times=options["times"],
                platform=chosen.name,
                root=place,
                stop=stop,
                say=plain,
                each=lambda outcome: plain(progress(outcome)),
                jobs=options["jobs"],
                budget=budget,
            )
        except Interrupted:
            plain(told)
            return 128 + stop.signal
    (place / PAGE).write_text(page(rows, _typed(place)), encoding="utf-8")
    data = [_row_data(row) for row in rows]
    (place / DATA).write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n")
    if options["as_json"]:
        print_json(data)
    else:
        _print(rows, place)
    codes = [EXIT_CODES[finding.standing] for row in rows for finding in row.findings]
    codes += [EXIT_CODES["harness error"] for row in rows if row.failed]
    return worst_code([code for code in codes if code != NOTHING_TESTED])


def _typed(place: Path) -> str:
    """The command, with DIR for where the trials are, and without its budget: both are another's."""
    words = ["DIR" if word == str(place) else word for word in sys.argv[1:]]
    if BUDGET in words:
        at = words.index(BUDGET)
        words[at : at + 2] = []
    return shlex.join(["lockquake", *words])


def _row_data(row: Row) -> dict[str, Any]:
    trials = judged(row.results)
    return _cell_data(row.cell) | {
        "trials": len(trials),
        "findings": [
            {
                "property": finding.claim.property,
                "claimed": finding.claim.verdict,
                "standing": finding.standing,
                "as_claimed": finding.as_said,
                "against": finding.against,
                "of": finding.of,
            }
            for finding in row.findings
        ],
        "broken_beside": surprises(row.cell, row.results),
        "violations_per_1000_holds": numbers.violations_per_1000_holds(trials),
        "ways": dict(numbers.ways(trials)),
        "harm": dict(numbers.harm(trials)),
        "recovery_ms": [value for value in numbers.recovery(trials) if value != float("inf")],
        "unsupported": row.unsupported,
        "failed": row.failed,
        "directories": [str(result.directory) for result in row.results],
    }


def _print(rows: Sequence[Row], place: Path) -> None:
    found = against(rows)
    missing = sum(finding.standing == "not measured" for row in rows for finding in row.findings)
    said = [finding for row in rows for finding in row.findings]
    good = sum(finding.standing in {"as claimed", "measured"} for finding in said)
    click.echo(f"{good} of {len(said)} claims as claimed, {len(found)} findings, {missing} not measured")
    for row, finding in found:
        click.echo(f"  {finding.standing}: {sentence(row, finding)}")
    click.echo(f"The table: {place / PAGE}")
