"""``lockquake list``: what there is, from the registries."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from faults.families import FAMILIES
from lockquake.cli.output import print_json
from lockquake.support import why_not_lock
from nuclei import registry


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def command(as_json: bool) -> None:
    """Show the locks with their claims, the clusters, the faults with their parameters, and the workloads."""
    data = listing()
    if as_json:
        print_json(data)
        return
    click.echo("Locks (use as LOCK@CLUSTER)")
    for lock in data["locks"]:
        click.echo(f"  {lock['name']:<22} {lock['summary']}")
        click.echo(f"  {'':<22} on {', '.join(lock['clusters'])}; settings {_settings(lock['settings'])}")
        if lock["unsupported"]:
            click.echo(f"  {'':<22} unsupported here: {lock['unsupported']}")
        for claim in lock["claims"]:
            click.echo(f"  {'':<22} {claim['property']} under {claim['fault']}: {claim['verdict']} ({claim['source']})")
    click.echo("\nClusters")
    for cluster in data["clusters"]:
        click.echo(f"  {cluster['name']:<22} {cluster['summary']}; settings {_settings(cluster['settings'])}")
    click.echo("\nFaults (--fault NAME:key=value,…; all take at=POINT or at=SECONDS, and client=NAME)")
    for fault in data["faults"]:
        click.echo(f"  {fault['name']:<22} {fault['summary']}")
        for key, value in fault["suggests"].items():
            click.echo(f"  {'':<22}   (sets {key}={value} unless you do)")
        for key, (default, meaning) in fault["parameters"].items():
            click.echo(f"  {'':<22}   {key}={default}: {meaning}")
    click.echo("\nWorkloads")
    for workload in data["workloads"]:
        click.echo(f"  {workload['name']:<22} {workload['summary']}; settings {_settings(workload['settings'])}")


def listing() -> dict[str, list[dict[str, Any]]]:
    """Everything the registries know, as plain data."""
    return {
        "locks": [
            {
                "name": entry.name,
                "summary": entry.summary,
                "clusters": list(entry.clusters),
                "settings": dict(entry.defaults),
                "unsupported": why_not_lock(entry),
                "claims": [msgspec.to_builtins(claim) for claim in entry.claims],
            }
            for entry in registry.locks().values()
        ],
        "clusters": [
            {"name": entry.name, "summary": entry.summary, "settings": dict(entry.defaults)}
            for entry in registry.clusters().values()
        ],
        "faults": [
            {
                "name": name,
                "marker": f.marker,
                "summary": f.summary,
                "suggests": dict(f.suggests),
                "parameters": dict(f.parameters),
            }
            for name, f in FAMILIES.items()
        ],
        "workloads": [
            {"name": entry.name, "summary": entry.summary, "settings": dict(entry.defaults)}
            for entry in registry.workloads().values()
        ],
    }


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items()) or "none"
