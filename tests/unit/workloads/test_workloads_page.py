"""The page of workloads names every workload, its parameters with their defaults, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nuclei.registry import workloads

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "workloads.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## `([a-z-]+)`\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE))
OURS = {name: entry for name, entry in workloads().items() if entry.ends}


def test_every_workload_that_ends_has_a_section() -> None:
    assert set(SECTIONS) == set(OURS)
    assert [name for name in workloads() if f"| `{name}`" not in PAGE] == []


@pytest.mark.parametrize("name", OURS)
def test_its_parameters_are_those_of_the_page(name: str) -> None:
    told: dict[str, str] = {}
    for names, defaults in re.findall(r"^\| ((?:`workload\.\w+`(?:, )?)+) \| ([^|]*) \|", SECTIONS[name], re.MULTILINE):
        told |= zip(re.findall(r"workload\.(\w+)", names), defaults.split(", "), strict=True)
    defaults = OURS[name].defaults.items()
    assert told == {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in defaults}
