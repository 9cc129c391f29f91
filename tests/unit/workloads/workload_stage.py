"""Workloads in this process: a lock that grants everything, and a ledger that is a few dictionaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from histories.read import read_rows
from histories.rows import AnyRow
from histories.spec import Spec
from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.protocol import Configure
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.ledger.record import NO_RECORD, Record
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockEntry, Refused, Surroundings
from nuclei.workloads.base import WorkloadEntry


class Open(Lock):
    """Grants everything but what ``refused`` says: lock name → how many attempts are refused first."""

    refused: Counter[str] = Counter()
    inside: list[str] = []

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        if self.refused[self.context.key] > 0:
            self.refused[self.context.key] -= 1
            raise Refused("busy")
        self.inside.append(self.context.key)
        return Grant()

    def release(self) -> None:
        self.inside.remove(self.context.key)

    def close(self) -> None:
        """There is nothing to drop."""


class Books:
    """A ledger. ``mute``: how many reads get no answer. ``taken``: counters that were written, in order."""

    def __init__(self, counters: Mapping[str, int]) -> None:
        self.counters = dict(counters)
        self.records: list[Record] = []
        self.taken: list[str] = []
        self.mute = 0

    def read_counter(self, counter: str) -> dict[str, Any]:
        if self.mute > 0:
            self.mute -= 1
            raise Indeterminate("no reply")
        return {counter: self.counters[counter]}

    def count(self, record: Record) -> dict[str, int]:
        return {record.field: sum(one.field == record.field for one in self.records)}

    def write_counter(self, counter: str, value: Any, record: Record, *stamp: Any) -> None:
        self.counters[counter] = value
        self.taken.append(counter)
        if record is not NO_RECORD:
            self.records.append(record)

    def append(self, record: Record, *stamp: Any) -> None:
        self.records.append(record)

    def close(self) -> None:
        """There is nothing to drop."""


class Stage:
    """Runs one workload with one client after another on the same ledger."""

    def __init__(self, directory: Path, entry: WorkloadEntry, **params: Any) -> None:
        Open.refused, Open.inside = Counter(), []
        self.directory = directory
        self.entry = entry
        self.params = {**entry.defaults, "compute": 0.0, "think": 0.0, **params}
        self.books = Books(entry.stakes(self.params).counters)
        self.figures: Counter[str] = Counter()

    def run(self, number: int = 1, clients: int = 1, began: int = 0) -> list[AnyRow]:
        """One client's whole work; its rows."""
        path = self.directory / f"c{number}.jsonl"
        recorder = Recorder(PartWriter(path), lambda report: None, live=False)
        nowhere = Surroundings(cluster="none", endpoints={}, nodes={})
        configure = Configure(
            client=f"c{number}", lock="open", key="k", surroundings=nowhere, part=str(path), seed=number,
            number=number, clients=clients,
        )  # fmt: skip
        lock = LockEntry(name="open", summary="", clusters=(), make=Open, spec=lambda settings: Spec())
        session = Session(configure, lock, recorder, Control(lambda report: None), self.books)  # type: ignore[arg-type]
        session.began = began
        try:
            self.entry.make(self.params).run(session)
        finally:
            session.close()
            recorder.close()
        self.figures = session.figures
        assert Open.inside == []
        return read_rows(path, [])
