"""One node as a child process: its home, its files, and what can be done to it, each with proof."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuclei.platforms import signals
from nuclei.platforms.base import HarnessError, NodeSpec
from nuclei.platforms.leftover_workers import parse_owner
from nuclei.platforms.process import kin
from nuclei.platforms.process.namespaces import command
from nuclei.platforms.spawner import spawn


class ProcessNode:
    """The server of ``spec`` (settled) with everything it owns in ``home``. ``laid``: what is laid over what in its
    mount namespace. Thread-safe."""

    def __init__(self, spec: NodeSpec, home: Path, environment: Mapping[str, str], laid: Sequence[str]) -> None:
        self.spec = spec
        self.home = home
        self.environment = {**environment, **spec.env}
        self._laid = laid
        self._log = home / "log"
        self._guard = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ours = "exited"
        """The state we brought it to."""
        self._unasked: str | None = None
        """How it ended without us; kept when it is started again."""

    def start(self, *, pristine: bool) -> str:
        """Start the server; ``pristine``: with its original files and no data. Raises HarnessError."""
        with self._guard:
            self._note_end()
            self._end_forks()
            if pristine:
                self._renew_files()
            argv = command(os.getpid(), self._laid, self.spec.command)
            try:
                with self._log.open("ab") as log:
                    self._process = spawn(
                        argv,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        env=self.environment,
                        cwd=self.home / "data",
                    )
            except OSError as error:
                raise HarnessError(f"cannot start {self.spec.name} ({argv[0]}): {error.strerror}") from error
            (self.home / "pid").write_text(f"{self._process.pid}\n", encoding="ascii")
            self._ours = "running"
            kind = "pristine" if pristine else "with what it had kept"
            return f"{self.spec.name} started {kind} as process {self._process.pid}"

    def _renew_files(self) -> None:
        data = self.home / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        for path, text in self.spec.files.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")

    def state(self) -> str:
        """``running``, ``paused`` or ``exited``."""
        process = self._process
        if process is None or process.poll() is not None:
            return "exited"
        return "paused" if signals.state(process.pid) == "T" else "running"

    def kill(self) -> str:
        """SIGKILL it and whatever it forked; proven by its exit. Raises HarnessError."""
        with self._guard:
            if self._process is None or self.state() == "exited":
                self._note_end()
                self._end_forks()
                return f"{self.spec.name} had ended already"
            self._ours = "exited"
            if made := kin.descendants(self._process.pid):
                # One that outlived another for an instant could still grant what that one held.
                kin.stop([self._process.pid])
                made = kin.descendants(self._process.pid)
                kin.stop(made)
            proof = signals.kill(self._process, group=True)
            kin.kill(made)
            return f"{self.spec.name}: {proof.evidence}"

    def _note_end(self) -> None:
        """Remember that it ended without us: a fault that finds it dead, or a start, must not hide that."""
        if self._process is not None and self._ours != "exited" and self.state() == "exited":
            self._unasked = f"{self.spec.name} ended by itself or was killed (code {self._process.returncode})"
            self._ours = "exited"

    def _end_forks(self) -> None:
        """SIGKILL what a server that has ended left running. Its group's number alone may be somebody else's by now, so
        whoever is in it must also carry our mark."""
        if self._process is None:
            return
        kin.kill(kin.working_in(self.home / "data"))
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if not entry.name.isdigit() or _group_of(entry) != self._process.pid:
                    continue
                owner = parse_owner((entry / "environ").read_bytes())
                if owner is not None and owner[0] == os.getpid():
                    os.kill(int(entry.name), signal.SIGKILL)

    def pause(self) -> str:
        """SIGSTOP it and whatever it forked; proven when the kernel reports every thread stopped."""
        with self._guard:
            self._ours = "paused"
            process = self._running("paused")
            proof = signals.stop(process)
            self._rest(signal.SIGSTOP)
            kin.stop(kin.descendants(process.pid))  # it makes no more of them: it stands still
            return f"{self.spec.name}: {proof.evidence}"

    def resume(self) -> str:
        """SIGCONT; one that runs already counts, one that has ended does not. Raises HarnessError."""
        with self._guard:
            process = self._running("resumed")
            self._rest(signal.SIGCONT)
            kin.go_on(kin.descendants(process.pid))
            proof = signals.go_on(process)
            self._forget_continued()
            self._ours = "running"
            return f"{self.spec.name}: {proof.evidence}"

    def _running(self, what: str) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise HarnessError(f"{self.spec.name} cannot be {what}: it has ended; its last lines:\n{self.tail()}")
        return self._process

    def _rest(self, number: signal.Signals) -> None:
        """The server forks to save its data; whoever is in its group shares its fate."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _forget_continued(self) -> bool:
        """Take the kernel's note that the process was continued, if there is one."""
        assert self._process is not None
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WCONTINUED | os.WNOHANG) is not None
        except ChildProcessError:
            return False

    def watch_others(self) -> None:
        """What was done to it so far does not count."""
        with self._guard:
            self._note_end()
            self._unasked = None
            if self._process is not None and self._process.poll() is None:
                self._forget_continued()

    def disturbance(self) -> str | None:
        """What somebody else did to it since :meth:`watch_others`, or that it ended by itself; None for nothing."""
        with self._guard:
            self._note_end()
            if self._unasked is not None:
                return self._unasked
            state = self.state()
            if state == "paused" and self._ours != "paused":
                return f"{self.spec.name} was stopped"
            if state == "running" and self._ours != "exited" and self._forget_continued():
                return f"{self.spec.name} was stopped and continued"
            return None

    def log(self) -> str:
        """Everything its servers have printed so far."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def tail(self, lines: int = 15) -> str:
        """The last lines of the log, for an error's text."""
        return "\n".join(self.log().rstrip().splitlines()[-lines:]) or "(it printed nothing)"


def _group_of(process: Path) -> int:
    """The process group of a /proc/PID. Raises OSError, ValueError when it has gone."""
    return int((process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[2])
