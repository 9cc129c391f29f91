"""Three ways of having no Docker give three sentences, each with its remedy."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from nuclei.platforms.docker_daemon import DaemonUnavailable, connect, unavailable


def test_an_absent_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(DaemonUnavailable, match=r"no Docker daemon: .*docker\.sock does not exist; install") as caught:
        connect(timeout=2)
    assert caught.value.kind == "absent"


def test_a_socket_without_anybody_behind_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with pytest.raises(DaemonUnavailable, match=r"does not answer \(.*refused.*\); start it") as caught:
        connect(timeout=2)
    assert caught.value.kind == "silent"


def test_a_daemon_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(DaemonUnavailable, match="does not answer") as caught:
            connect(timeout=1)
    assert caught.value.kind == "silent"


def test_no_permission_is_found_under_any_wrapping() -> None:
    inner = PermissionError(13, "Permission denied")
    outer = RuntimeError("Error while fetching server API version", ConnectionError("aborted", inner))
    error = unavailable(outer)
    assert error.kind == "permission"
    assert "usermod -aG docker" in str(error)
