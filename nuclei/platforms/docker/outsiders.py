"""What somebody else did to our containers: pauses and deaths that the daemon reports and we did not cause.

A person's ``docker pause``, the kernel's out-of-memory killer, a clean-up script: without this a trial would charge the
lock with it. Deaths of servers that end by themselves are among them. The daemon keeps only its latest events (256), so
a very busy daemon may have forgotten some; what it does report is certain.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nuclei.platforms.docker.wording import explained

_WORDS = {"pause": "was paused", "die": "died or was killed"}


@dataclass
class OwnActs:
    """Our own pauses and kills, by (container name, event), and from when on they are counted (Unix seconds)."""

    since: float = field(default_factory=time.time)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def did(self, container: str, event: str) -> None:
        """We are about to do that ourselves."""
        self.counts[container, event] += 1


def acts_of_others(client: Any, run_id: str, own: OwnActs) -> list[str]:
    """One sentence per container that was paused or died more often than we did it. Raises HarnessError."""
    filters = {"label": f"lockquake.run={run_id}", "event": list(_WORDS)}
    with explained("ask the Docker daemon for its latest events"):
        stream = client.events(since=f"{own.since:.6f}", until=f"{time.time():.6f}", filters=filters, decode=True)
        seen = Counter((event["Actor"]["Attributes"]["name"], event["Action"]) for event in stream)
    return [
        f"{name} {_WORDS[event]}, and not by this trial (a person, the out-of-memory killer, its own crash?), so the "
        "trial says nothing about the lock; look at its log and at `docker events`"
        for (name, event), count in sorted(seen.items())
        if count > own.counts[name, event]
    ]
