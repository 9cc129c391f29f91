"""What a Redis server does for the hash ``k`` of ``redis-reentrant``: its scripts, its clock and its channel."""

from __future__ import annotations

from redis_key import PlayedKey
from redis_stage import Stage

from nuclei.locks.redis_reentrant_scripts import ACQUIRE, RELEASE, RENEW


class PlayedHash(PlayedKey):
    """``counts``: field → count. ``left_ms``: what PTTL says. ``did``: the scripts that ran, by name.

    ``server``: where a release publishes, if anywhere (a network may lose it)."""

    def __init__(self) -> None:
        super().__init__({ACQUIRE: self._acquire, RENEW: self._renew, RELEASE: self._release})
        self.counts: dict[str, int] = {}
        self.left_ms = 10_000
        self.did: list[str] = []
        self.latches: dict[str, int] = {}
        self.server: Stage | None = None

    def play(self, words: list[str]) -> object:
        if words[0] == "SUBSCRIBE":
            self.heard.append("SUBSCRIBE")
            return ["subscribe", words[1], 1]
        return super().play(words)

    def _acquire(self, keys: list[str], arguments: list[str]) -> int | None:
        self.did.append("acquire")
        field, _ = arguments
        if self.counts and field not in self.counts:
            return self.left_ms
        self.counts[field] = self.counts.get(field, 0) + 1
        return None

    def _renew(self, keys: list[str], arguments: list[str]) -> int:
        self.did.append("renew")
        return int(arguments[0] in self.counts)

    def _release(self, keys: list[str], arguments: list[str]) -> int | None:
        self.did.append("release")
        (_, channel, latch), field = keys, arguments[0]
        if latch in self.latches:
            return self.latches[latch]
        if field not in self.counts:
            return None
        self.counts[field] -= 1
        freed = int(self.counts[field] == 0)
        self.latches[latch] = freed
        if freed:
            del self.counts[field]
            if self.server is not None:
                self.server.publish(channel, "released")
        return freed
