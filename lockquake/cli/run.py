"""``lockquake run``: one nucleus, some faults, k of n trials."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec

from faults.watch import Interrupted
from lockquake.batch import Rigs, Stop, run_one, stop_on_signals
from lockquake.cli.output import as_data, print_json, progress
from lockquake.cli.table import block, telling
from lockquake.judge import EXIT_CODES, worst_code
from lockquake.own_copy import changed
from lockquake.plan import Plan, build, read_plan, split_nucleus, suggested
from lockquake.rundir import DEFAULT_ROOT, batch_directory
from lockquake.support import choose_for, require_supported
from lockquake.trial import TrialResult
from nuclei.platforms.choice import AUTO, NAMES, Choice


@click.command("run", epilog="Example: lockquake run redis-set-nx-px@redis-sentinel --fault failover --times 10")
@click.argument("nucleus", required=False)
@click.option("--fault", "faults", multiple=True, metavar="NAME[:key=value,…]", help="A fault; repeat for several.")
@click.option(
    "--set", "settings", multiple=True, metavar="GROUP.NAME=VALUE", help="e.g. lock.ttl=2s, cluster.session=4s"
)
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), help="Run a saved plan again (file or run directory)."
)
@click.option("--trust", is_flag=True, help="With --plan: run the copy of a user's own lock that lies beside it.")
@click.option("--workload", default="contend", show_default=True)
@click.option("--clients", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--seed", default=1, show_default=True, type=int)
@click.option(
    "--times", default=1, show_default=True, type=click.IntRange(1, 10_000), help="Trials, with seed, seed+1, …"
)
@click.option("--until-violation", is_flag=True, help="End a trial as soon as two clients were inside together.")
@click.option("--platform", default="auto", show_default=True, type=click.Choice(NAMES))
@click.option("--runs", "root", default=DEFAULT_ROOT, type=click.Path(path_type=Path), help="Where run directories go.")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON on stdout.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Run NUCLEUS (LOCK@CLUSTER), e.g. redis-set-nx-px@redis-single, and judge it."""
    plans, chosen = _plans(options)
    first = plans[0]
    root: Path = options["root"]
    top = batch_directory(root, first.slug)
    say = progress()
    say(f"{first.title}, {len(plans)} trial(s), {chosen}")
    if settings := suggested(first):
        say(f"with {', '.join(f'{key}={value}' for key, value in settings.items())}, as {first.faults} needs it")
    results: list[TrialResult] = []
    with stop_on_signals() as stop:
        try:
            _run_all(plans, top, root, stop, results, say)
        except Interrupted:
            say(
                f"interrupted; everything was healed and swept. {len(results)} whole trial(s) and what was recorded of "
                f"the last one are under {top}"
            )
            ctx.exit(128 + stop.signal)
    if options["as_json"]:
        print_json({"trials": [as_data(result) for result in results], "summary": _tally(results)})
    else:
        _print(results)
    ctx.exit(worst_code([EXIT_CODES[result.status] for result in results]))


def _plans(options: dict[str, Any]) -> tuple[list[Plan], Choice]:
    """The plans of all trials, and why they run where they do. Raises BadArgument, UnknownName, Unsupported."""
    if (options["nucleus"] is None) == (options["plan_file"] is None):
        raise click.UsageError("give either a nucleus (LOCK@CLUSTER) or --plan FILE; `lockquake list` shows names")
    if options["trust"] and options["plan_file"] is None:
        raise click.UsageError("--trust says that the lock beside a plan may be run; give --plan with it")
    if options["plan_file"] is not None:
        if options["faults"] or options["settings"]:
            raise click.UsageError("--plan runs a plan as it was saved; leave --fault and --set away")
        base = read_plan(options["plan_file"], trust=options["trust"])
        if note := changed(base.lock, _directory(options["plan_file"])):
            progress()(f"note: {note}")
        chosen = choose_for(base.platform if options["platform"] == AUTO else options["platform"], [base.cluster])
        base = msgspec.structs.replace(base, platform=chosen.name)
    else:
        chosen = choose_for(options["platform"], [split_nucleus(options["nucleus"])[1]])
        base = build(
            options["nucleus"],
            faults=options["faults"],
            settings=options["settings"],
            workload=options["workload"],
            seed=options["seed"],
            clients=options["clients"],
            platform=chosen.name,
        )
    if options["until_violation"]:
        base = msgspec.structs.replace(base, trial_settings=base.trial_settings | {"until_violation": True})
    require_supported(base)
    return [msgspec.structs.replace(base, seed=base.seed + number) for number in range(options["times"])], chosen


def _directory(plan: Path) -> Path:
    return plan if plan.is_dir() else plan.parent


def _run_all(plans: list[Plan], top: Path, root: Path, stop: Stop, results: list[TrialResult], say: Any) -> None:
    with Rigs(top, say, plans[0].clients) as rigs:
        for number, plan in enumerate(plans, 1):
            path = top if len(plans) == 1 else top / f"{number:03d}"
            result = run_one(plan, rigs, path, root, stop.event, say)
            results.append(result)
            verdict = telling(result.verdicts)
            words = f"{verdict.property} {verdict.kind or ''}" if verdict and result.status == "invalid" else ""
            say(f"trial {number} of {len(plans)}: {' '.join([result.status, words]).strip()} ({result.seconds:.1f} s)")


def _tally(results: list[TrialResult]) -> dict[str, Any]:
    """k of n by status, and by kind and cause of the violations."""
    found = Counter((v.property, v.kind, v.cause) for r in results for v in r.verdicts if v.validity == "invalid")
    return {
        "trials": len(results),
        "status": dict(Counter(result.status for result in results)),
        "violations": [
            {"property": p, "kind": k, "cause": c, "trials": f"{count} of {len(results)}"}
            for (p, k, c), count in found.most_common()
        ],
    }


def _print(results: list[TrialResult]) -> None:
    if len(results) == 1:
        text = (results[0].directory / "report.txt").read_text(encoding="utf-8")
        click.echo(text)
    click.echo("")
    for result in results:
        click.echo(block(result))
        click.echo(f"    {result.directory}")
    if len(results) > 1:
        tally = _tally(results)
        click.echo("")
        click.echo(", ".join(f"{count} of {len(results)} {status}" for status, count in tally["status"].items()))
        for violation in tally["violations"]:
            what = " ".join(filter(None, (violation["property"], violation["kind"], violation["cause"])))
            click.echo(f"  {violation['trials']}: {what}")
