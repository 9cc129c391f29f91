"""``lockquake servers``: which servers platform ``process`` runs here, and what would bring the others."""

from __future__ import annotations

from typing import Any

import click

from lockquake.cli.output import print_json, progress
from nuclei.platforms.base import HarnessError
from nuclei.platforms.process import servers as found

EXIT_HARNESS_ERROR = 3
# Image, what it serves, whether nothing at all runs without it.
NEEDED = (
    ("redis", "Redis servers, Sentinels and the ledger of every cluster", True),
    ("zookeeper", "ZooKeeper servers", False),
    ("memcached", "the cluster memcached", False),
    ("postgres", "the cluster postgres", False),
    ("etcd", "the cluster etcd", False),
)


def row_of(image: str, serves: str, vital: bool, failure: str = "") -> dict[str, Any]:
    """One line as ``--json`` shows it. ``why_not``: the reason and the remedy, empty where the servers can run."""
    reason = found.why_not(image)
    row = {"name": image, "for": serves, "needed_by_all": vital, "present": reason is None}
    if reason is None:
        return row | {"found": found.describe(image), "why_not": ""}
    return row | {"found": "", "why_not": f"{reason} ({failure})" if failure else reason}


def as_text(row: dict[str, Any]) -> str:
    """One line of text."""
    what = f"present  {row['found']}" if row["present"] else f"missing  {row['why_not']}"
    return f"{row['name']:<10} {what}  — {row['for']}"


@click.command()
@click.option(
    "--ensure", "fetch", is_flag=True, help="Bring what can be had without root (Redis comes with the Python packages)."
)
@click.option("--best-effort", is_flag=True, help="Exit 0 whatever is missing.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def servers(fetch: bool, best_effort: bool, as_json: bool) -> int:
    """The servers that run here without Docker. Exit 0: Redis is there; 3: it is not, so nothing can run. Nuclei of any
    other server that is missing are unsupported, and everything else runs."""
    failures = _ensure() if fetch else {}
    rows = [row_of(*needed, failure=failures.get(needed[0], "")) for needed in NEEDED]
    if as_json:
        print_json({"servers": rows})
    else:
        click.echo("\n".join(map(as_text, rows)))
    return 0 if best_effort or all(row["present"] or not row["needed_by_all"] for row in rows) else EXIT_HARNESS_ERROR


def _ensure() -> dict[str, str]:
    """Fetch what is missing; image → why that failed."""
    say, failures = progress(), {}
    for image, _, _ in NEEDED:
        try:
            found.ensure(image, say)
        except HarnessError as error:
            failures[image] = str(error)
    return failures


command = servers
