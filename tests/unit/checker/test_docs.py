"""The table of properties in docs/checker.md is what the registry holds. LOCKQUAKE_UPDATE=1 writes it again."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import get_args

from checker.registry import PROPERTIES
from checker.verdict import Cause

PAGE = Path(__file__).resolve().parents[3] / "docs" / "checker.md"
TABLE = re.compile(r"(<!-- properties: .*? -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    rows = "".join(f"| `{entry.name}` | {entry.meaning} | {entry.when} |\n" for entry in PROPERTIES)
    return f"| property | kept means | judged for |\n|---|---|---|\n{rows}"


def test_the_table_of_properties_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    renewed = TABLE.sub(lambda match: f"{match[1]}{table()}{match[2]}", page)
    assert table() in renewed
    if os.environ.get("LOCKQUAKE_UPDATE"):
        PAGE.write_text(renewed, encoding="utf-8")
        page = renewed
    assert page == renewed


def test_every_cause_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [cause for cause in get_args(Cause) if f"`{cause}`" not in page] == []
