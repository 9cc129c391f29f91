"""docs/contend.md has every parameter with its default."""

from __future__ import annotations

import re
from pathlib import Path

from nuclei.workloads.contend import DEFAULTS, Contend
from nuclei.workloads.durations import SHAPES

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "contend.md").read_text(encoding="utf-8")


def written(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def test_every_parameter_is_on_the_page_with_its_default() -> None:
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\w.]+) \| ", PAGE.partition("## ")[0], re.MULTILINE))
    assert shown == {name: written(value) for name, value in DEFAULTS.items()}


def test_the_docstring_names_them_all() -> None:
    assert [name for name in DEFAULTS if f"``{name}``" not in (Contend.__doc__ or "")] == []


def test_every_shape_is_on_the_page() -> None:
    assert [shape for shape in SHAPES if f"| `{shape}`" not in PAGE] == []
