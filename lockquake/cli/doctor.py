"""``lockquake doctor``: what can run on this machine, what cannot, and the command that would change that."""

from __future__ import annotations

import click

from lockquake.checkup import Finding, can_run_main_job, check_up
from lockquake.cli.output import print_json
from nuclei.platforms.docker_daemon import DaemonUnavailable, connect
from nuclei.platforms.sweep import SweepReport, sweep_everything_dead

_MARKS = {"ok": "ok", "missing": "MISSING", "optional": "--"}


def clean() -> SweepReport:
    """Sweep what dead runs of this host left, on the daemon (where it answers) and among the processes."""
    try:
        client = connect(timeout=30)
    except DaemonUnavailable:
        return sweep_everything_dead(None)
    try:
        return sweep_everything_dead(client)
    finally:
        client.close()


def as_text(findings: list[Finding]) -> str:
    """One line a finding, the remedy indented below it, and the conclusion."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.state]:<8} {finding.check:<15} {finding.found}")
        if finding.remedy:
            lines.append(f"{'':<24} -> {finding.remedy}")
    if can_run_main_job(findings):
        lines.append("The main job can run: `lockquake campaign campaigns/quick.toml` (or `make trial`).")
    else:
        lines.append("The main job cannot run yet: see MISSING above.")
    return "\n".join(lines)


@click.command()
@click.option("--clean", "sweep", is_flag=True, help="First remove what dead runs of this host left behind.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def doctor(sweep: bool, as_json: bool) -> int:
    """What can run here, what cannot, and what would change that. Exit 0: the main job can run; 3: it cannot."""
    report = clean() if sweep else None
    findings = check_up()
    can_run = can_run_main_job(findings)
    if as_json:
        document = {"can_run": can_run, "findings": findings}
        print_json(document if report is None else {"removed": report, **document})
    else:
        if report is not None:
            click.echo(f"removed {report}")
        click.echo(as_text(findings))
    return 0 if can_run else 3


command = doctor
