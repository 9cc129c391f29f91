"""Our own server as a child process of a test."""

from __future__ import annotations

import re
import select
import subprocess
import sys
import tempfile

from toxiproxy_wire import LIMIT


class OwnServer:
    """Our server on a port the kernel chose; leaving the block sends SIGTERM.

    It must end with status 0 and must not have complained: sockets it forgets to close warn on standard error.
    """

    def __init__(self, *arguments: str) -> None:
        command = [
            sys.executable,
            "-W",
            "always",
            "-m",
            "nuclei.network.toxiproxy",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
        ]
        self._command = [*command, *arguments]

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        self._complaints = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=self._complaints, text=True)
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        line = self.process.stdout.readline() if ready else "(nothing)"
        found = re.search(r"api started listen=(\S+)", line)
        if found is None:
            self.process.kill()
            self.process.stdout.close()
            self._complaints.close()
            raise AssertionError(f"our server did not start within {LIMIT} s: {line!r}, status {self.process.wait()}")
        return self.process, f"http://{found[1]}"

    def __exit__(self, *failure: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.stdout is not None
        try:
            status = self.process.wait(LIMIT)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self._complaints.seek(0)
            complaints = self._complaints.read()
            self._complaints.close()
        assert failure[0] is not None or not complaints, complaints
        assert failure[0] is not None or status == 0, f"our server ended with {status}"
