"""What ``lockquake images`` shows, from the situation alone."""

from __future__ import annotations

from typing import Any

import click
import pytest

from lockquake.cli.images import as_text, describe, parse_given
from nuclei.platforms.image_plan import Situation


def situation(**changes: Any) -> Situation:
    fields = {"name": "redis", "given": "", "official": "redis:8", "built": "lockquake/redis:1", "present": frozenset()}
    return Situation(**(fields | changes))


def test_a_present_image() -> None:
    row = describe(situation(present=frozenset({"lockquake/redis:1"})))
    assert (row["present"], row["reference"], row["source"], row["would"]) == (True, "lockquake/redis:1", "built", [])
    assert "present  lockquake/redis:1 (built)" in as_text(row)


def test_a_missing_image_says_what_would_be_done() -> None:
    row = describe(situation())
    assert row["would"] == ["pull redis:8", "build lockquake/redis:1"]
    assert "missing  would pull redis:8, else build lockquake/redis:1" in as_text(row)


def test_one_that_cannot_be_had_says_why() -> None:
    row = describe(situation(allow_pull=False, allow_build=False))
    assert "cannot be had: pulling is forbidden and building is forbidden" in as_text(row)


def test_given_images() -> None:
    assert parse_given(("redis=a/b:1", "zookeeper=c")) == {"redis": "a/b:1", "zookeeper": "c"}
    for wrong in ("redis", "redis=", "=x", "valkey=x"):
        with pytest.raises(click.BadParameter, match="is not NAME=REFERENCE"):
            parse_given((wrong,))


@pytest.mark.parametrize("arguments", [["images", "--image", "x"], ["doctor", "--nonsense"]])
def test_bad_arguments_exit_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from lockquake.cli import main

    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 64
    assert "Error" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["images", "doctor"])
def test_without_docker_both_exit_3_with_one_sentence(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lockquake.cli import main

    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(SystemExit) as caught:
        main([command])
    assert caught.value.code == 3
    printed = "".join(capsys.readouterr())
    assert "no Docker daemon: unix:///nonexistent/docker.sock does not exist" in printed
    assert "Traceback" not in printed
