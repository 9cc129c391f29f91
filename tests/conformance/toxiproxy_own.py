"""Our own server as a child process of a test."""

from __future__ import annotations

import re
import select
import subprocess
import sys

from toxiproxy_wire import LIMIT


class OwnServer:
    """Our server on a port the kernel chose; leaving the block sends SIGTERM and checks the exit status."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "nuclei.network.toxiproxy", "--host", "127.0.0.1", "--port", "0"]
        self._command = [*command, *arguments]

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        line = self.process.stdout.readline() if ready else "(nothing)"
        found = re.search(r"api started listen=(\S+)", line)
        if found is None:
            self.process.kill()
            self.process.stdout.close()
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
        assert failure[0] is not None or status == 0, f"our server ended with {status}"
