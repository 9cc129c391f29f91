"""``lockquake list``: what there is, from the registries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec

from faults.families import FAMILIES
from faults.grammar import BadArgument
from lockquake.cli.output import print_json
from lockquake.support import why_not_lock
from nuclei import registry

KINDS = ("locks", "clusters", "faults", "workloads")


@click.command(
    "list", epilog="Examples: lockquake list locks · lockquake list redis · lockquake list --cluster zookeeper"
)
@click.argument("what", nargs=-1, metavar="[KIND|TEXT]…")
@click.option("--cluster", metavar="NAME", help="Only what runs, or can happen, on this cluster.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def command(what: Sequence[str], cluster: str | None, as_json: bool) -> None:
    """Show the locks, the clusters, the faults with their parameters, and the workloads.

    KIND is one of locks, clusters, faults, workloads; TEXT narrows to names that contain it."""
    data = narrowed(listing(), what, cluster)
    for sentence in registry.unusable_locks() if "locks" in data else ():
        click.echo(f"lockquake: {sentence}", err=True)
    if as_json:
        print_json(data)
        return
    click.echo("\n\n".join("\n".join([_HEADS[kind], *(_LINES[kind](entry))]) for kind, entry in data.items()))


def narrowed(
    data: dict[str, list[dict[str, Any]]], what: Sequence[str] = (), cluster: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The kinds named in ``what``, and of them the names that contain one of its other words; with ``cluster`` only
    what runs on it. Raises UnknownName for a cluster nobody knows, BadArgument where nothing is left."""
    kinds, words = [word for word in what if word in KINDS], [word for word in what if word not in KINDS]
    found = {kind: entries for kind, entries in data.items() if not kinds or kind in kinds}
    if cluster is not None:
        topology = registry.cluster(cluster)
        keep: dict[str, Callable[[dict[str, Any]], bool]] = {
            "locks": lambda entry: cluster in entry["clusters"] or not entry["clusters"],
            "clusters": lambda entry: bool(entry["name"] == cluster),
            "faults": lambda entry: FAMILIES[entry["name"]].impossible_on(topology) is None,
        }
        found = {kind: [e for e in entries if keep[kind](e)] for kind, entries in found.items() if kind in keep}
    if words:
        found = {kind: [e for e in entries if any(w in e["name"] for w in words)] for kind, entries in found.items()}
    found = {kind: entries for kind, entries in found.items() if entries}
    if not found:
        raise BadArgument(f"nothing is called {' or '.join(words) or 'so'}; `lockquake list` shows all there is")
    return found


def listing() -> dict[str, list[dict[str, Any]]]:
    """Everything the registries know, as plain data, by kind."""
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
            {
                "name": entry.name,
                "summary": entry.summary,
                "settings": dict(entry.defaults),
                "invariant": entry.invariant,
                "harm": entry.harm,
                "ends": entry.ends,
            }
            for entry in registry.workloads().values()
        ],
    }


def _locks(entries: list[dict[str, Any]]) -> list[str]:
    lines = []
    for lock in entries:
        said = Counter(claim["verdict"] for claim in lock["claims"])
        claims = ", ".join(f"{count} {verdict}" for verdict, count in said.items()) or "none"
        lines += [
            f"  {lock['name']:<22} {lock['summary']}",
            f"  {'':<22} on {', '.join(lock['clusters']) or 'any cluster'}; settings {_settings(lock['settings'])}",
            f"  {'':<22} claims: {claims} (lockquake claims {lock['name']})",
        ]
        if lock["unsupported"]:
            lines.append(f"  {'':<22} unsupported here: {lock['unsupported']}")
    return lines


def _faults(entries: list[dict[str, Any]]) -> list[str]:
    lines = []
    for fault in entries:
        lines.append(f"  {fault['name']:<22} {fault['summary']}")
        lines += [f"  {'':<22}   (sets {key}={value} unless you do)" for key, value in fault["suggests"].items()]
        lines += [f"  {'':<22}   {key}={default}: {says}" for key, (default, says) in fault["parameters"].items()]
    return lines


def _workloads(entries: list[dict[str, Any]]) -> list[str]:
    lines = []
    for workload in entries:
        until = "ends when its work is done" if workload["ends"] else "goes on for trial.work"
        lines += [
            f"  {workload['name']:<22} {workload['summary']}",
            f"  {'':<22} {workload['invariant']}; harm: {workload['harm']}",
            f"  {'':<22} {until}; settings {_settings(workload['settings'])}",
        ]
    return lines


def _plain(entries: list[dict[str, Any]]) -> list[str]:
    return [f"  {entry['name']:<22} {entry['summary']}; settings {_settings(entry['settings'])}" for entry in entries]


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items()) or "none"


_HEADS = {
    "locks": "Locks (use as LOCK@CLUSTER)",
    "clusters": "Clusters",
    "faults": "Faults (--fault NAME:key=value,…; all take at=POINT or at=SECONDS, and client=NAME)",
    "workloads": "Workloads (--workload NAME, --set workload.SETTING=VALUE; see docs/workloads.md)",
}
_LINES = {"locks": _locks, "clusters": _plain, "faults": _faults, "workloads": _workloads}
