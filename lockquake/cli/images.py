"""``lockquake images``: which images are needed, which are present, what would be done; with ``--ensure`` do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from lockquake.cli.output import print_json, progress
from nuclei.platforms.base import HarnessError
from nuclei.platforms.image_plan import Situation, Use, plan
from nuclei.platforms.image_recipes import DEFAULT_IMAGES, RECIPES
from nuclei.platforms.images import NO_PULL_VARIABLE, ensure, pulls_forbidden, situations_of

EXIT_HARNESS_ERROR = 3


def describe(situation: Situation) -> dict[str, Any]:
    """One image as ``--json`` shows it. ``would``: the steps still to take, empty when the image is present."""
    decision = plan(situation)
    recipe = RECIPES[situation.name]
    row: dict[str, Any] = {"name": situation.name, "for": recipe.serves, "on_request": recipe.on_request}
    if isinstance(decision, Use):
        return row | {"present": True, "reference": decision.reference, "source": decision.source, "would": []}
    would = [f"{step} {reference}" for step, reference in decision.steps]
    return row | {"present": False, "reference": "", "source": "", "would": would, "why_not": decision.why_not_more}


def as_text(row: dict[str, Any]) -> str:
    """One image as a line of text."""
    if row["present"]:
        what = f"present  {row['reference']} ({row['source']})"
    elif row["would"]:
        what = ("on request, would " if row["on_request"] else "missing  would ") + ", else ".join(row["would"])
    else:
        what = f"missing  cannot be had: {row['why_not']}"
    return f"{row['name']:<10} {what}  — {row['for']}"


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(RECIPES)))
@click.option("--ensure", "fetch", is_flag=True, help="Bring what is missing: pull it, else build it from packages.")
@click.option("--no-pull", is_flag=True, help=f"Never ask a registry (also {NO_PULL_VARIABLE}=1).")
@click.option("--no-build", is_flag=True, help="Never build from distribution packages.")
@click.option("--best-effort", is_flag=True, help="Where Docker or an image cannot be had, say why and exit 0.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.option("--image", "given", multiple=True, metavar="NAME=REFERENCE", help="Use this image for NAME.")
def images(
    names: tuple[str, ...],
    fetch: bool,
    no_pull: bool,
    no_build: bool,
    best_effort: bool,
    as_json: bool,
    given: tuple[str, ...],
) -> int:
    """The images needed here: present or not, and what would bring them; those named, or those that most clusters need
    (memcached, postgres and etcd only when named). Exit 0: all of them present; 3: one is missing."""
    try:
        return _images(names or DEFAULT_IMAGES, fetch, no_pull, no_build, as_json, parse_given(given))
    except HarnessError as error:
        if not best_effort:
            raise
        click.echo(f"platform docker cannot be used: {error}", err=True)
        return 0


def _images(
    wanted: Sequence[str], fetch: bool, no_pull: bool, no_build: bool, as_json: bool, chosen: dict[str, str]
) -> int:
    if fetch:
        ensure(wanted, not no_pull, not no_build, progress(), given=chosen)
    allow_pull = not no_pull and not pulls_forbidden()
    found = situations_of(list(RECIPES), allow_pull=allow_pull, allow_build=not no_build, given=chosen)
    rows = [describe(situation) for situation in found]
    if as_json:
        print_json({"images": rows})
    else:
        click.echo("\n".join(map(as_text, rows)))
    missing = [row["name"] for row in rows if not row["present"] and row["name"] in wanted]
    if not missing:
        return 0
    if not as_json:
        named = missing if any(RECIPES[name].on_request for name in missing) else []
        click.echo(f"`{' '.join(['lockquake images --ensure', *named])}` brings what is missing", err=True)
    return EXIT_HARNESS_ERROR


def parse_given(pairs: tuple[str, ...]) -> dict[str, str]:
    """``NAME=REFERENCE`` options as a mapping. Raises click.BadParameter."""
    chosen = {}
    for pair in pairs:
        name, equals, reference = pair.partition("=")
        if not equals or name not in RECIPES or not reference:
            raise click.BadParameter(f"{pair!r} is not NAME=REFERENCE with NAME one of {', '.join(RECIPES)}")
        chosen[name] = reference
    return chosen


command = images
