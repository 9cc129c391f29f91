"""What docs/checker.md shows is what the checker says: its table, its examples, the output of its commands.

``LOCKQUAKE_UPDATE=1 pytest tests/unit/checker/test_docs.py`` writes them again.

An example stands between ``<!-- example: STORY PROPERTY -->`` and ``<!-- end -->``, a command's output between
``<!-- output: COMMAND -->`` and ``<!-- end -->``; ``| head -N`` may follow the command.
"""

from __future__ import annotations

import inspect
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from checker import check
from checker.case import cases
from checker.registry import PROPERTIES
from checker.report.picture import picture
from checker.verdict import Cause
from lockquake.cli import main
from lockquake.promises import KINDS, parse_spec
from tests.unit.checker.stories import CORPUS

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "checker.md"
PAGES = (PAGE, ROOT / "docs" / "histories.md")
TABLE = re.compile(r"(<!-- properties: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"(<!-- example: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
OUTPUT = re.compile(r"(<!-- output: lockquake (.+?)(?: \| head -(\d+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    rows = "".join(f"| `{entry.name}` | {entry.meaning} | {entry.when} |\n" for entry in PROPERTIES)
    return f"| property | kept means | judged for |\n|---|---|---|\n{rows}"


def example(name: str, of: str) -> str:
    """A story in words, and the sentence and picture that the report gives for it."""
    make, _ = CORPUS[name]
    history = make().history()
    verdict = next(verdict for verdict in check(history) if verdict.property == of)
    case = next(case for case in cases(history) if case.lock == verdict.lock)
    assert verdict.validity == "invalid"
    drawn = picture(case, verdict)
    assert drawn
    words = " ".join(inspect.cleandoc(make.__doc__ or "").split())
    told = textwrap.fill(f"*Example* ([{name}](../histories/corpus/{name}.jsonl)). {words}", 120, **WHOLE_WORDS)
    said = textwrap.fill(f"{of}: {verdict.sentence}", 100, **WHOLE_WORDS)
    return f"{told}\n\n```text\n{said}\n\n{drawn}\n```\n"


WHOLE_WORDS = {"break_on_hyphens": False, "break_long_words": False}


def output(command: str, lines: str | None, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints, with its name, as in a terminal."""
    with pytest.raises(SystemExit):
        main(command.split())
    printed = capsys.readouterr().out.rstrip().splitlines()
    shown = printed[: int(lines)] if lines else printed
    more = ["…"] if len(shown) < len(printed) else []
    return "\n".join(["```text", f"$ lockquake {command}", *shown, *more, "```", ""])


def equal_or_written(path: Path, pattern: re.Pattern[str], renewed: Callable[[re.Match[str]], str]) -> None:
    page = path.read_text(encoding="utf-8")
    wanted = pattern.sub(lambda match: f"{match[1]}{renewed(match)}{match[match.re.groups]}", page)
    if os.environ.get("LOCKQUAKE_UPDATE"):
        path.write_text(wanted, encoding="utf-8")
        page = path.read_text(encoding="utf-8")
    assert page == wanted


def test_the_table_of_properties_is_up_to_date() -> None:
    assert TABLE.search(PAGE.read_text(encoding="utf-8"))
    equal_or_written(PAGE, TABLE, lambda match: table())


def test_examples_are_what_the_report_says() -> None:
    equal_or_written(PAGE, EXAMPLE, lambda match: example(match[2], match[3]))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_print_what_is_shown(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    equal_or_written(path, OUTPUT, lambda match: output(match[2], match[3], capsys))


def test_every_property_has_a_section_and_an_example_in_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### `([a-z-]+)`\n(.*?)(?=^##)", page, re.DOTALL | re.MULTILINE))
    assert list(sections) == [entry.name for entry in PROPERTIES]
    without = [name for name, text in sections.items() if name not in [found[2] for found in EXAMPLE.findall(text)]]
    assert without == []


@pytest.mark.parametrize("kind", ["owner mutex", "without owners", "semaphore", "re-entrant", "read-write", "register"])
def test_linearizability_has_an_example_of_every_kind(kind: str) -> None:
    specs = [CORPUS[found[1]][0]().history().header.spec for found in EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
             if found[2] == "linearizability"]  # fmt: skip
    assert any(
        {
            "owner mutex": spec == type(spec)(recovery_ns=spec.recovery_ns, refusals=spec.refusals),
            "without owners": spec.owners == "anonymous",
            "semaphore": spec.permits > 1,
            "re-entrant": spec.reentry_limit > 1,
            "read-write": spec.read_write,
            "register": spec.model == "register",
        }[kind]
        for spec in specs
    )


def test_every_cause_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [cause for cause in get_args(Cause) if f"`{cause}`" not in page] == []


def test_every_kind_of_spec_is_named_and_the_examples_are_understood() -> None:
    page = PAGES[1].read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []
    for text in re.findall(r"--spec (\S+)", page + PAGE.read_text(encoding="utf-8")):
        parse_spec(text.strip("`'"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
