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


@pytest.mark.parametrize(("arguments", "code"), [(["images"], 3), (["images", "--ensure", "--best-effort"], 0)])
def test_without_docker_images_say_so_in_one_sentence(
    arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lockquake.cli import main

    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == code
    printed = "".join(capsys.readouterr())
    assert "no Docker daemon: unix:///nonexistent/docker.sock does not exist" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(("no_redis", "code"), [("", 0), ("no Redis here; install it", 3)])
def test_without_docker_the_doctor_asks_for_the_other_platform(
    no_redis: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lockquake.cli import main
    from nuclei.platforms.process import servers

    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setattr(servers, "why_not", lambda image: no_redis or None)
    with pytest.raises(SystemExit) as caught:
        main(["doctor"])
    assert caught.value.code == code
    printed = capsys.readouterr().out
    assert "no Docker daemon: unix:///nonexistent/docker.sock does not exist" in printed
    assert ("it takes platform process: docker cannot be used" in printed) == (code == 0)
