"""``lockquake conform``: whether a lock's adapter keeps the contract, check by check."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import click
import msgspec

from checker.report.text import harmless, one_line
from lockquake.batch import Stop, stop_on_signals
from lockquake.cli.output import print_json, progress
from lockquake.conform.bench import Bench
from lockquake.conform.checks import CHECKS, outcomes
from lockquake.conform.outcome import Outcome, exit_code
from lockquake.plan import Plan, build, split_nucleus
from lockquake.rig import Rig
from lockquake.rundir import DEFAULT_ROOT, RunDirectory, batch_directory
from lockquake.support import choose_for, require_supported
from nuclei import registry
from nuclei.locks.loading import load
from nuclei.platforms.choice import AUTO, NAMES

CLIENTS = 3
ONLY = "Only this check, e.g. acquire-reply-lost; repeat for several."
OTHERWISE = "redis-single"
"""The cluster of a lock that says nothing of where it runs."""
_MARKS = {"pass": "pass", "fail": "FAIL", "not applicable": "--", "unknown": "unknown"}
_WIDTH, _INDENT = 110, 32


@click.command("conform", epilog="Example: lockquake conform mylock.py:MyLock@redis-single")
@click.argument("lock")
@click.option("--set", "settings", multiple=True, metavar="GROUP.NAME=VALUE", help="e.g. lock.ttl=2s")
@click.option("--check", "names", multiple=True, metavar="NAME", type=click.Choice([c.name for c in CHECKS]), help=ONLY)
@click.option("--platform", default=AUTO, show_default=True, type=click.Choice(NAMES))
@click.option("--runs", "root", default=DEFAULT_ROOT, type=click.Path(path_type=Path), help="Where run directories go.")
@click.option("--json", "as_json", is_flag=True, help="Outcomes as JSON on stdout.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Test the adapter LOCK[@CLUSTER] against the contract, e.g. mylock.py:MyLock or redis-py@redis-sentinel."""
    nucleus = _nucleus(options["lock"])
    chosen = choose_for(options["platform"], [split_nucleus(nucleus)[1]])
    plan = build(nucleus, settings=options["settings"], clients=CLIENTS, platform=chosen.name)
    require_supported(plan)
    path = batch_directory(options["root"], f"conform-{plan.slug}")
    say = progress()
    say(f"{nucleus}, {chosen}")
    own_lease = any(text.startswith("lock.ttl=") for text in options["settings"])
    with stop_on_signals() as stop, Rig(plan, path, say) as rig:
        bench = Bench(plan, rig, RunDirectory(path), own_lease=own_lease)
        found = _all(bench, options["names"], stop, say)
    (path / "conform.json").write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    if stop.signal:
        ctx.exit(128 + stop.signal)
    if options["as_json"]:
        print_json({"nucleus": nucleus, "platform": chosen.name, "directory": str(path), "checks": found})
    else:
        _print(plan, found, path)
    ctx.exit(exit_code(found))


def _nucleus(text: str) -> str:
    """``LOCK@CLUSTER`` of ``LOCK[@CLUSTER]``: the first cluster that the lock names, unless one is given."""
    _, at, last = text.rpartition("@")
    if at and last in registry.clusters():
        return text
    if at and ".py:" not in last:
        registry.cluster(last)
    return f"{text}@{next(iter(load(text).clusters), OTHERWISE)}"


def _all(bench: Bench, names: tuple[str, ...], stop: Stop, say: Any) -> list[Outcome]:
    found = []
    for outcome in outcomes(bench, tuple(check for check in CHECKS if not names or check.name in names)):
        say(f"{outcome.check}: {outcome.verdict}")
        found.append(outcome)
        if stop.event.is_set():
            break
    return found


def _print(plan: Plan, found: list[Outcome], path: Path) -> None:
    click.echo(f"{plan.nucleus}, platform {plan.platform}")
    for outcome in found:
        head = f"  {_MARKS[outcome.verdict]:<8}{outcome.check:<22}"
        rest = " " * _INDENT
        for line in textwrap.wrap(
            harmless(one_line(outcome.sentence)), _WIDTH, initial_indent=head, subsequent_indent=rest
        ):
            click.echo(line)
    tally = ", ".join(f"{sum(o.verdict == verdict for o in found)} {verdict}" for verdict in _MARKS)
    click.echo(f"{tally}\n{path}")
