"""One measurement of the checker in a process of its own: ``python -m benchmarks.checker_cell STEP …`` prints JSON.

``make SETTING BINARY [JSONL]`` writes the history; ``check FILE VALID`` times the algorithms on the columns in memory;
``judge FILE VALID`` times everything from the file to the verdicts. Memory is bounded: a process that wants more than
LIMIT_GB fails. A wrong verdict is a failure, not a figure.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from benchmarks.checker_grid import Setting
from benchmarks.lock_histories import SPEC, generate
from checker import check as verdicts_of
from checker import worst
from checker.record import read_record
from histories.columnar import ColumnarFile, save
from histories.columns import Calls
from histories.history import History
from histories.pairing import rows_of
from histories.read import read
from histories.rows import FORMAT_VERSION, Header
from histories.write import encode

LIMIT_GB = 8
_TIMED_CALLS = 200_000
"""Short histories are judged again and again until so many calls were looked at; the median counts."""

Sample = dict[str, float]


def history_of(calls: Calls) -> History:
    """Calls as a history with nothing else in it."""
    return History(Header(t=0, version=FORMAT_VERSION, spec=SPEC), calls, [])


def make(setting: Setting, binary: Path, lines: Path | None) -> Sample:
    """Make a history and write it: the binary columnar file, and JSON lines where asked for."""
    begun = time.perf_counter()
    history = history_of(generate(**asdict(setting)))
    made = time.perf_counter() - begun
    save(history, binary)
    sizes = {"binary": binary.stat().st_size / 1e6}
    if lines is not None:
        with lines.open("wb") as file:
            file.write(encode(history.header))
            file.writelines(map(encode, rows_of(history.calls)))
        sizes["lines"] = lines.stat().st_size / 1e6
    return {"made": made, **sizes}


def check(path: Path, valid: bool) -> Sample:
    """Time the algorithms alone, for all locks: arranging the calls by lock, mutual exclusion, linearizability."""
    once(history_of(generate(1_000, 5)), valid=True)
    baseline = peak_mb()
    begun = time.perf_counter()
    history = ColumnarFile(path).history()
    load = time.perf_counter() - begun
    columns = resident_mb()
    times = max(1, min(50, _TIMED_CALLS // max(1, len(history.calls))))
    runs = [once(history, valid) for _ in range(times)]
    sample = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {**sample, "load": load, "baseline": baseline, "columns": columns, "peak": peak_mb()}


def once(history: History, valid: bool) -> Sample:
    """Seconds of each step of one check."""
    times = [time.perf_counter()]
    record = read_record(history)
    times.append(time.perf_counter())
    met = len(record.meetings.second)
    times.append(time.perf_counter())
    answers = record.linear
    times.append(time.perf_counter())
    if (met == 0, bool(answers)) != (valid, not valid) or any(answer.valid is None for answer in answers.values()):
        raise AssertionError(f"wrong: {met} meetings, {answers}, of a history that is {'' if valid else 'in'}valid")
    arrange, insides, linear = (after - before for before, after in pairwise(times))
    return {"arrange": arrange, "insides": insides, "linear": linear, "total": times[-1] - times[0]}


def judged(path: Path, valid: bool) -> Sample:
    """Time from file to verdicts: reading, then every property that applies."""
    verdicts_of(history_of(generate(1_000, 5)))
    baseline = peak_mb()
    begun = time.perf_counter()
    history = read(path)
    load = time.perf_counter() - begun
    verdicts = verdicts_of(history)
    total = time.perf_counter() - begun
    if worst(verdicts) != ("valid" if valid else "invalid"):
        raise AssertionError("; ".join(f"{one.property}: {one.validity}, {one.sentence}" for one in verdicts))
    return {"total": total, "load": load, "baseline": baseline, "peak": peak_mb()}


def peak_mb() -> float:
    """The most memory this process ever had resident, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def resident_mb() -> float:
    """The memory this process has resident now, MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def main(arguments: list[str]) -> None:
    """Run one step."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_GB << 30, LIMIT_GB << 30))
    step, what, *more = arguments
    if step == "make":
        paths = [Path(name) for name in more]
        sample = make(Setting(**json.loads(what)), paths[0], paths[1] if len(paths) > 1 else None)
    else:
        measure: Callable[[Path, bool], Sample] = {"check": check, "judge": judged}[step]
        sample = measure(Path(what), more == ["valid"])
    print(json.dumps(sample))


if __name__ == "__main__":
    main(sys.argv[1:])
