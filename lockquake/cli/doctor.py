"""``lockquake doctor``: what can run on this machine, what cannot, and the command that would change that."""

from __future__ import annotations

import click

from lockquake.abilities import Ability, abilities
from lockquake.checkup import check_up, usable
from lockquake.cli.output import print_json
from lockquake.finding import Finding, split
from nuclei.platforms.choice import AUTO, PLATFORMS, choose
from nuclei.platforms.docker_daemon import DaemonUnavailable, connect
from nuclei.platforms.sweep import SweepReport, sweep_everything_dead

_MARKS = {"ok": "ok", "missing": "MISSING", "optional": "--"}


def clean() -> SweepReport:
    """Sweep what dead runs of this host left: on the daemon (where it answers), processes and their directories."""
    try:
        client = connect(timeout=30)
    except DaemonUnavailable:
        return sweep_everything_dead(None)
    try:
        return sweep_everything_dead(client)
    finally:
        client.close()


def as_text(findings: list[Finding], table: list[Ability]) -> str:
    """The checks, the remedy of each below it; the table of what each platform can do; the conclusion."""
    return "\n".join([*_checks(findings), "", *_table(table), "", *_conclusion(findings)])


def _checks(findings: list[Finding]) -> list[str]:
    lines = []
    for platform in ("", *PLATFORMS):
        lines.append(f"Platform {platform}: {PLATFORMS[platform].summary}" if platform else "Everywhere")
        for finding in findings:
            if finding.platform == platform:
                lines.append(f"  {_MARKS[finding.state]:<8} {finding.check:<15} {finding.found}")
                lines += [f"  {'':<24} -> {finding.remedy}"] if finding.remedy else []
    return lines


def _table(table: list[Ability]) -> list[str]:
    """``yes``, or the number of the reason below the table."""
    given = [{name: why and split(why)[0] for name, why in row.reasons.items()} for row in table]
    reasons = list(dict.fromkeys(why for row in given for why in row.values() if why))
    lines = [f"{'What can run here':<26}" + "".join(f"{name:<10}" for name in PLATFORMS)]
    for row, whys in zip(table, given, strict=True):
        words = ("yes" if why is None else f"no [{reasons.index(why) + 1}]" for why in whys.values())
        lines.append(f"  {row.name:<24}" + "".join(f"{word:<10}" for word in words))
    return [line.rstrip() for line in lines] + [f"  [{number}] {why}" for number, why in enumerate(reasons, 1)]


def _conclusion(findings: list[Finding]) -> list[str]:
    if not usable(findings):
        return ["The main job cannot run yet: see MISSING above."]
    return [
        "The main job can run: `lockquake campaign quick` (or `make trial`).",
        f"Without --platform it takes {choose(AUTO)}.",
    ]


@click.command()
@click.option("--clean", "sweep", is_flag=True, help="First remove what dead runs of this host left behind.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def doctor(sweep: bool, as_json: bool) -> int:
    """What can run here, what cannot, and what would change that. Exit 0: the main job can run; 3: it cannot."""
    report = clean() if sweep else None
    findings, table = check_up(), abilities()
    platforms = usable(findings)
    if as_json:
        document = {"can_run": bool(platforms), "platforms": platforms, "findings": findings, "table": table}
        print_json(document if report is None else {"removed": report, **document})
    else:
        if report is not None:
            click.echo(f"removed {report}")
        click.echo(as_text(findings, table))
    return 0 if platforms else 3


command = doctor
