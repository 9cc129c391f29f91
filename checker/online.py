"""The scan over insides, fed row by row while a trial runs: it says so when two were certainly inside together.

Rows come from several writers. One client's rows come in the order of their times (``told`` and ``wake`` rows apart,
which other threads write); between writers a row may be late by any time. So nobody is taken to be inside for longer
than is certain, which is until the earliest of

- the time of the client's own latest row: whatever it still does comes later;
- its leaving, once the row that says so has come;
- the kill of its process, and the time that :meth:`InsideScan.settled` was told: kills and the end of the trial stand
  in the runner's rows.

What is certain stays true whatever rows are still to come, so two stretches that meet here meet in the whole history,
where the scan over all of it (:mod:`checker.insides`) finds them. The other way round, :meth:`InsideScan.finish` leaves
no meeting unseen as long as :attr:`InsideScan.exact` holds.

Relied on: ids of attempts are fresh; the row that ties an identity to its process comes before its calls; a retired
identity is not heard of again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from checker.lives import Lives
from checker.stays import LockLine, Meeting, Stay, new_line
from checker.visits import Visit
from histories.columns import NEVER
from histories.rows import Call, Client, Event, Leave, Ledger, Return, Trial
from histories.spec import Spec
from histories.vocabulary import ACQUIRES

LONG_AGO = -NEVER
REMEMBERED = 4096
"""Stays that are over, per lock, which rows that are late may still meet."""


@dataclass(slots=True)
class _Known:
    """What is known of one client. ``rows``: all of before that time (ns) have come; it makes none before ``since``.
    ``asked``: acquires under way, by number. ``visits``, ``inside``: by lock. ``stays``: those of which more may become
    known, inside or not."""

    rows: int = LONG_AGO
    since: int = LONG_AGO
    asked: dict[int, Call] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    inside: dict[str, Stay] = field(default_factory=dict)
    stays: dict[Stay, None] = field(default_factory=dict)


class InsideScan:
    """Looks for the first meeting in rows as they come. Where there is one the scan is over, and every call gives it.

    A row takes O(log n) for each lock that its client is inside of. Memory grows with clients, locks and open stays,
    and with how late rows are up to ``remembered`` stays a lock; not with the history. ``clients``: those known before
    their first row. ``exact``: nothing that was forgotten was needed, or may have been.
    """

    def __init__(self, spec: Spec, clients: Iterable[str] = (), remembered: int = REMEMBERED) -> None:
        self.found: Meeting | None = None
        self.exact = True
        self._spec = spec
        self._remembered = remembered
        self._clients = {name: _Known() for name in clients}
        self._lines: dict[str, LockLine] = {}
        self._lives = Lives()
        self._settled = LONG_AGO
        self._waiting: dict[Stay, _Known] = {}
        self._last = LONG_AGO
        self._end = NEVER

    def feed(self, row: Event) -> Meeting | None:
        """Take one row."""
        if self.found is not None:
            return self.found
        if not isinstance(row, Ledger):
            self._last = max(self._last, row.t)
        match row:
            case Call() | Return() | Leave():
                self._step(row)
                self.past(row.client, row.t)
            case Client():
                self._client(row)
            case Trial(state="ended"):
                self._end = row.t
            case _:
                pass
        return self.found

    def past(self, client: str, t: int) -> Meeting | None:
        """All rows of a client of before ``t`` (ns) have been fed."""
        known = self._known(client)
        known.rows = max(known.rows, t)
        for stay in list(known.inside.values()):
            self._follow(stay, known)
        return self.found

    def settled(self, t: int) -> Meeting | None:
        """Every kill, and the end of the trial, of before ``t`` (ns) has been fed."""
        self._settled = max(self._settled, min(t, self._end))
        for stay, known in list(self._waiting.items()):
            self._follow(stay, known)
        return self.found

    def finish(self) -> Meeting | None:
        """All rows have been fed. A trial that did not end is taken to end with its last row, as everywhere."""
        for client in list(self._clients):
            self.past(client, NEVER)
        return self.settled(self._last if self._end == NEVER else self._end)

    # ---- rows

    def _step(self, row: Call | Return | Leave) -> None:
        known = self._known(row.client)
        visit = known.visits.setdefault(row.lock, Visit())
        out = False
        match row:
            case Call() if row.op in ACQUIRES:
                visit.asks(row.attempt)
                known.asked[row.call] = row
            case Call(op="release"):
                out = visit.releases(row.attempt)
            case Return():
                asked = known.asked.pop(row.call, None)
                if asked is not None and row.outcome == "ok" and visit.enters(row.attempt, row.t):
                    self._enter(known, asked, row.t)
            case Leave():
                out = visit.departs(row.attempt, row.t)
            case _:
                pass
        self.exact &= visit.sure
        if out and row.lock in known.inside:
            stay = known.inside.pop(row.lock)
            stay.left, known.rows = row.t, max(known.rows, row.t)
            self._follow(stay, known)

    def _enter(self, known: _Known, asked: Call, t: int) -> None:
        if asked.lock not in self._lines:
            self._lines[asked.lock] = new_line(asked.lock, self._spec)
        stay = self._lines[asked.lock].enter(self._lives.process(asked.client), asked, t)
        known.inside[asked.lock] = stay
        known.stays[stay] = None

    def _client(self, row: Client) -> None:
        self._lives.note(row)
        known = self._known(row.client)
        if row.state == "started":
            known.since = row.t
        elif row.state == "retired":
            self.past(row.client, NEVER)
            self._part_with(row.client, known)
        elif row.state == "killed":
            process = self._lives.process(row.client)
            for other in list(self._clients.values()):
                for stay in [stay for stay in other.stays if stay.process == process]:
                    self._follow(stay, other)

    def _known(self, client: str) -> _Known:
        found = self._clients.get(client)
        if found is None:
            found = self._clients[client] = _Known()
        return found

    def _part_with(self, client: str, known: _Known) -> None:
        """Forget a client of whom nothing more is to come and nothing more will be known."""
        if known.rows == NEVER and not known.stays:
            self._clients.pop(client, None)

    # ---- stays

    def _follow(self, stay: Stay, known: _Known) -> None:
        """Add what has become certain of a stay."""
        end = min(stay.left, self._lives.kills.get(stay.process, NEVER))
        sure = min(end, known.rows)
        until = min(sure, self._settled)
        if until > stay.known:
            clash = stay.lock.extend(stay, until)
            if clash is not None and self.found is None:
                self.found = stay.lock.meeting(clash, self._open_stays())
        if stay.known >= end:
            self._close(stay, known)
        elif sure > self._settled:
            self._waiting[stay] = known
        else:
            self._waiting.pop(stay, None)

    def _close(self, stay: Stay, known: _Known) -> None:
        """No more will be known of a stay."""
        del known.stays[stay]
        self._waiting.pop(stay, None)
        if known.inside.get(stay.lock.name) is stay:
            del known.inside[stay.lock.name]
        self._part_with(stay.client, known)
        if stay.known == stay.entered:
            return
        line = stay.lock
        line.over.append(stay)
        if len(line.over) >= line.full:
            begins = [max(known.rows, known.since) for known in self._clients.values()]
            begins += [other.known for other in self._open_stays() if other.lock is line]
            self.exact &= line.tidy(min(begins, default=LONG_AGO), self._remembered)

    def _open_stays(self) -> list[Stay]:
        return [stay for known in self._clients.values() for stay in known.stays]
