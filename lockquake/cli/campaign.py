"""``lockquake campaign``: many plans with expectations, one table, one exit code."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import msgspec

from faults.watch import Interrupted
from lockquake.batch import stop_on_signals
from lockquake.campaign import CampaignRun, Outcome
from lockquake.campaign_file import read_campaign
from lockquake.campaign_record import Record
from lockquake.cli.output import as_data, plain, print_json
from lockquake.cli.table import block
from lockquake.expectation import EXIT_CODES
from lockquake.judge import NOTHING_TESTED, worst_code
from lockquake.rundir import DEFAULT_ROOT, batch_directory
from lockquake.support import choose_for
from nuclei.platforms.choice import NAMES


@click.command("campaign", epilog="Example: lockquake campaign campaigns/quick.toml")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--platform", default="auto", show_default=True, type=click.Choice(NAMES))
@click.option("--runs", "root", default=DEFAULT_ROOT, type=click.Path(path_type=Path), help="Where run directories go.")
@click.option("--resume", "place", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Keep the trials in DIR, and run only those that are not there yet.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Results as JSON on stdout.")
@click.pass_context
def command(ctx: click.Context, file: Path, platform: str, root: Path, place: Path | None, as_json: bool) -> None:
    """Run the plans of FILE (TOML, or a name such as quick) and hold them against what it expects of each.

    Exit code 0: everything as expected (a textbook lock that breaks as it should is as expected) · 1 a control broke ·
    2 unknown, or a demonstration that did not show. A campaign that was interrupted or killed goes on with --resume;
    the trial under way is lost."""
    began = time.monotonic()
    campaign = read_campaign(file)
    directory = place or batch_directory(root, campaign.name)
    chosen = choose_for(platform, sorted({entry.nucleus.rpartition("@")[2] for entry in campaign.trial}))
    plain(f"{chosen}")
    plain(f"campaign {campaign.name}: {len(campaign.trial)} plans, run directories under {directory}")
    with Record(directory) as record, stop_on_signals() as stop:
        try:
            run = CampaignRun(campaign, chosen.name, record, root, stop, plain)
            outcomes = run.execute(lambda outcome: plain(progress(outcome)))
        except Interrupted:
            plain(
                f"interrupted; everything was healed and swept. Go on: lockquake campaign {file} --resume {directory}"
            )
            ctx.exit(128 + stop.signal)
    data = _data(outcomes)
    (directory / "campaign.json").write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n")
    if as_json:
        print_json(data)
    else:
        _print(outcomes, directory, time.monotonic() - began)
    codes = [EXIT_CODES[outcome.standing] for outcome in outcomes]
    # What cannot run here is said, and takes nothing from what can; 4 is for a campaign that tested nothing.
    ctx.exit(worst_code([code for code in codes if code != NOTHING_TESTED]))


def progress(outcome: Outcome) -> str:
    """One line about an entry that ended."""
    result = outcome.result
    what = f"{result.plan.title}: {result.status}" if result else outcome.entry.nucleus
    earlier = f", {outcome.earlier} of them earlier" if outcome.earlier else ""
    return f"{'':8}  → {what} — {outcome.standing} (trial {outcome.tries}{earlier})"


def _data(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    return [
        {
            "nucleus": outcome.entry.nucleus,
            "fault": outcome.entry.fault,
            "expected": outcome.entry.expect.text(),
            "standing": outcome.standing,
            "tries": outcome.tries,
            "as_expected": outcome.shown,
            "message": outcome.message,
            "directories": [str(result.directory) for result in outcome.results],
            "trial": as_data(outcome.result) if outcome.result else None,
        }
        for outcome in outcomes
    ]


def _print(outcomes: list[Outcome], directory: Path, seconds: float) -> None:
    click.echo("\nnucleus × fault" + " " * 47 + " verdict  kind and cause")
    for outcome in outcomes:
        if outcome.result is None:
            why = "" if outcome.standing == "unsupported" else f": {outcome.message}"
            click.echo(f"{outcome.entry.nucleus} × {outcome.entry.fault}: {outcome.standing}{why}")
            continue
        tries = f"{outcome.shown} of {outcome.tries} trials" if outcome.tries > 1 else ""
        click.echo(block(outcome.result, f"{outcome.standing}; expected {outcome.entry.expect.text()}", tries))
    missing = dict.fromkeys(outcome.message for outcome in outcomes if outcome.standing == "unsupported")
    good = sum(outcome.standing in {"as claimed", "measured"} for outcome in outcomes)
    tested = sum(outcome.standing != "unsupported" for outcome in outcomes)
    click.echo(f"\n{good} of {tested} as expected, in {seconds:.0f} s. Run directories: {directory}")
    if missing:
        click.echo(f"{len(outcomes) - tested} more cannot run here:")
        for reason in missing:
            click.echo(f"  {reason}")
    click.echo(f"Look at one: lockquake check {directory}/NN-…/try-1   Run it again: lockquake run --plan …/try-1")
