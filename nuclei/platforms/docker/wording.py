"""Turn what the Docker SDK raises into one clear sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker_daemon import unavailable


class DockerRefused(HarnessError):
    """The daemon said no. ``status``: the HTTP status; ``said``: the daemon's own words."""

    def __init__(self, tried: str, status: int, said: str) -> None:
        super().__init__(f"tried to {tried}, but the Docker daemon refused: {said} (status {status})")
        self.status = status
        self.said = said


@contextmanager
def explained(tried: str) -> Iterator[None]:
    """Raise DockerRefused where the daemon refuses, HarnessError where it does not answer in time."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException, Timeout

    try:
        yield
    except APIError as error:
        status = error.response.status_code if error.response is not None else 0
        raise DockerRefused(tried, status, str(error.explanation or error).strip()) from error
    except Timeout as error:
        raise HarnessError(f"tried to {tried}, but the Docker daemon did not answer in time: {error}") from error
    except (DockerException, RequestException) as error:
        raise HarnessError(f"tried to {tried}: {unavailable(error)}") from error
