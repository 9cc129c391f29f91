"""``lockquake images``: which images are needed, which are present, what would be done; with ``--ensure`` do it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from nuclei.platforms.base import HarnessError
from nuclei.platforms.image_plan import Situation, Use, plan
from nuclei.platforms.image_recipes import RECIPES
from nuclei.platforms.images import NO_PULL_VARIABLE, ensure, pulls_forbidden, situations_of

EXIT_HARNESS_ERROR = 3


def describe(situation: Situation) -> dict[str, Any]:
    """One image as ``--json`` shows it. ``would``: the steps still to take, empty when the image is present."""
    decision = plan(situation)
    row: dict[str, Any] = {"name": situation.name, "for": RECIPES[situation.name].serves}
    if isinstance(decision, Use):
        return row | {"present": True, "reference": decision.reference, "source": decision.source, "would": []}
    would = [f"{step} {reference}" for step, reference in decision.steps]
    return row | {"present": False, "reference": "", "source": "", "would": would, "why_not": decision.why_not_more}


def as_text(row: dict[str, Any]) -> str:
    """One image as a line of text."""
    if row["present"]:
        what = f"present  {row['reference']} ({row['source']})"
    elif row["would"]:
        what = "missing  would " + ", else ".join(row["would"])
    else:
        what = f"missing  cannot be had: {row['why_not']}"
    return f"{row['name']:<10} {what}  — {row['for']}"


def stamped(began: float) -> Callable[[str], None]:
    """A printer of progress lines with the seconds since ``began`` (time.monotonic)."""
    return lambda line: click.echo(f"[{time.monotonic() - began:5.1f} s] {line}", err=True)


@click.command()
@click.option("--ensure", "fetch", is_flag=True, help="Bring what is missing: pull it, else build it from packages.")
@click.option("--no-pull", is_flag=True, help=f"Never ask a registry (also {NO_PULL_VARIABLE}=1).")
@click.option("--no-build", is_flag=True, help="Never build from distribution packages.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.option("--image", "given", multiple=True, metavar="NAME=REFERENCE", help="Use this image for NAME.")
def images(fetch: bool, no_pull: bool, no_build: bool, as_json: bool, given: tuple[str, ...]) -> None:
    """The images needed here: present or not, and what would bring them. Exit 0: all present; 3: one is missing."""
    chosen = parse_given(given)
    try:
        if fetch:
            ensure(list(RECIPES), not no_pull, not no_build, stamped(time.monotonic()), given=chosen)
        found = situations_of(
            list(RECIPES), allow_pull=not no_pull and not pulls_forbidden(), allow_build=not no_build, given=chosen
        )
    except HarnessError as error:
        click.echo(f"lockquake images: {error}", err=True)
        sys.exit(EXIT_HARNESS_ERROR)
    rows = [describe(situation) for situation in found]
    click.echo(json.dumps({"images": rows}, indent=2) if as_json else "\n".join(map(as_text, rows)))
    if not all(row["present"] for row in rows):
        if not (fetch or as_json):
            click.echo("`lockquake images --ensure` brings what is missing", err=True)
        sys.exit(EXIT_HARNESS_ERROR)


def parse_given(pairs: tuple[str, ...]) -> dict[str, str]:
    """``NAME=REFERENCE`` options as a mapping. Raises click.BadParameter."""
    chosen = {}
    for pair in pairs:
        name, equals, reference = pair.partition("=")
        if not equals or name not in RECIPES or not reference:
            raise click.BadParameter(f"{pair!r} is not NAME=REFERENCE with NAME one of {', '.join(RECIPES)}")
        chosen[name] = reference
    return chosen


if __name__ == "__main__":
    images()
