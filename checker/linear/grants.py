"""Which grants of permits were certainly open at a moment."""

from __future__ import annotations

import numpy as np

from checker.linear.line import Line
from checker.linear.usage import Usage


def open_grants(line: Line, usage: Usage, state: int, *, anybody: bool = False) -> list[tuple[int, int, int]]:
    """In that state: (place of the grant, permits, place of the holder's next release or −1), the largest first.

    A client's last grants count as open; ``anybody``: so do the last ones of all, and no release belongs to them.
    """
    lock = int(usage.lock_of(np.array([state]))[0])
    begin = int(usage.begin[lock])
    end = int(usage.begin[lock + 1]) if lock + 1 < len(usage.begin) else len(usage.level)
    place, step = usage.place[begin + 1 : end], np.diff(usage.level[begin:end])
    client = np.zeros(len(place), np.intp) if anybody else line.client[place]
    past = state - begin
    held = np.bincount(client[:past], step[:past])
    found = []
    for one in np.flatnonzero(held > 0).tolist():
        own = np.flatnonzero(client == one)
        later = own[(own >= past) & (step[own] < 0)]
        release = -1 if anybody or len(later) == 0 else int(place[later[0]])
        left = int(held[one])
        for at in own[(own < past) & (step[own] > 0)][::-1].tolist():
            if left > 0:
                found.append((int(place[at]), int(step[at]), release))
                left -= int(step[at])
    return sorted(found, key=lambda grant: -grant[1])
