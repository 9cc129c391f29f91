"""A spec, a property or a file that does not fit: one sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from histories.build import Story
from histories.spec import Spec
from lockquake.cli import main

LOCK = Story(Spec()).hold("A", 1, 2, until=3).hold("B", 5, 6, until=7)
STORE = Story(Spec(model="register")).write("A", 1, 2, 1).read("B", 3, 4, 1)


@pytest.mark.parametrize(
    ("story", "arguments", "code", "said"),
    [
        (LOCK, ["--spec", "register"], 2, "does not fit the spec, a register"),
        (STORE, ["--spec", "mutex"], 2, "is it a store? Then say so with --spec"),
        (LOCK, ["--checker", "leases"], 64, "there is no property 'leases' for --checker"),
    ],
)
def test_what_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], story: Story, arguments: list[str], code: int, said: str
) -> None:
    path = story.save(tmp_path / "history.jsonl")
    with pytest.raises(SystemExit) as left:
        main(["check", str(path), *arguments])
    output = " ".join("".join(capsys.readouterr()).split())
    assert (left.value.code, said in output, "Error" in output) == (code, True, False), output
