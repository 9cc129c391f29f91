"""The page of mutants: counts, and for each survivor the reason that is kept for its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import mutants_page
from benchmarks.mutants_page import OPEN, Module, Survivor, page

REASONS = """
[[rule]]
old = "strict=True"
new = ["strict=False", ""]
why = "of one length"

[[survivor]]
path = "checker/one.py"
before = "a < b"
after = "a <= b"
why = "never equal"
"""


def survivor(before: str, after: str, path: str = "checker/one.py") -> Survivor:
    return Survivor(path, "function", before, after, "survived")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "reasons.toml"
    file.write_text(REASONS, encoding="utf-8")
    monkeypatch.setattr(mutants_page, "REASONS", file)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (survivor("a < b", "a <= b"), "never equal"),
        (survivor("a < b", "a > b"), OPEN),
        (survivor("a < b", "a <= b", "checker/two.py"), OPEN),
        (survivor("zip(a, strict=True)", "zip(a, strict=False)"), "of one length"),
        (survivor("zip(a, strict=True)", "zip(a, )"), "of one length"),
        (survivor("zip(a, strict=True)", "zip(None, strict=True)"), OPEN),
    ],
)
def test_a_reason_is_found_by_the_changed_line(one: Survivor, why: str) -> None:
    text = page([Module(one.path, 9, 4, [one])], "400")
    assert f"- `function`: `{one.before}` → `{one.after}`. {why}\n" in text
    assert f"for {int(why != OPEN)} of them" in text


def test_counts_are_of_all_kernels_together() -> None:
    modules = [
        Module("checker/two.py", 10, 4, [survivor("a", "b", "checker/two.py")]),
        Module("checker/one.py", 6, 6, []),
    ]
    text = page(modules, "400")
    assert "**9 of 10 were noticed (90.0%).**" in text
    assert "a sample of the 16" in text
    assert text.index("| `checker/one.py` | 6 | 6 | 6 | 100% |") < text.index("| `checker/two.py` | 10 | 4 | 3 | 75% |")
    assert [Module.from_json(one.path, one.as_json()) for one in modules] == modules


def test_all_that_were_made_were_run() -> None:
    assert "That is all there are." in page([Module("checker/one.py", 6, 6, [])], "400")


def test_kernels_that_were_not_run_are_named() -> None:
    modules = [Module("checker/one.py", 6, 6, [])]
    assert "Not run yet: `checker/three.py`, `checker/two.py`." in page(
        modules, "400", ["checker/two.py", "checker/three.py"]
    )
    assert "Not run" not in page(modules, "400")
