"""Pull an image from a registry, announced and bounded: a registry that cannot be reached costs seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker_daemon import connect

# The daemon is silent only while it connects; with data flowing it reports several times a second.
SILENCE_SECONDS = 30.0
PULL_SECONDS = 600.0


class PullFailed(HarnessError):
    """The image did not come from its registry; the message holds the daemon's own words."""


def split_reference(reference: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image reference; the tag defaults to ``latest``."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    repository, colon, tag = reference.rpartition(":")
    if colon and "/" not in tag:
        return repository, tag
    return reference, "latest"


def registry_of(reference: str) -> str:
    """The registry a reference names, ``docker.io`` where it names none (the daemon's own rule)."""
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def pull(reference: str, say: Callable[[str], None]) -> None:
    """Pull ``reference``. Raises PullFailed when the registry stays silent for 30 s, refuses, or needs over 600 s;
    DaemonUnavailable."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    say(f"pulling {reference} (at most {SILENCE_SECONDS:.0f} s to connect)")
    repository, tag = split_reference(reference)
    end = time.monotonic() + PULL_SECONDS
    # A client of its own: its read limit must not depend on what the caller's client was made for.
    client = connect(timeout=SILENCE_SECONDS)
    try:
        for event in client.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in event:
                raise PullFailed(f"pulling {reference} failed: {event['error']}")
            if time.monotonic() > end:
                raise PullFailed(f"pulling {reference} did not end within {PULL_SECONDS:.0f} s")
    except (APIError, RequestException) as error:
        words = error.explanation if isinstance(error, APIError) and error.explanation else error
        raise PullFailed(f"pulling {reference} failed: {words}") from error
    finally:
        client.close()
    say(f"pulled {reference}")
