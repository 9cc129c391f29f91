"""The command: ``python -m nuclei.network.toxiproxy --host 127.0.0.1 --port 8474``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import signal
import sys
from collections.abc import Sequence

from . import VERSION, addresses, patience
from .api import Api
from .collection import Collection
from .errors import AddressError, ApiError
from .http_server import ControlProtocol
from .log import Log, standard_output


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; single dashes are taken too, as the original's are written."""
    parser = argparse.ArgumentParser(prog="toxiproxy", description="A Toxiproxy-compatible TCP proxy server.")
    parser.add_argument("--host", "-host", default="localhost", help="address of the control API (default localhost)")
    parser.add_argument("--port", "-port", type=int, default=8474, help="its port, 0 for any (default 8474)")
    parser.add_argument("--config", "-config", help="JSON file with proxies to create at the start, as for /populate")
    parser.add_argument("--seed", "-seed", type=int, help="seed of toxicity, jitter and slices (default: random)")
    parser.add_argument(
        "--patient", type=patience.parse, default={}, help="PORT,PORT,...=SECONDS: dial upstreams again"
    )
    parser.add_argument("--quiet", action="store_true", help="no log lines")
    parser.add_argument("--version", "-version", action="version", version=f"toxiproxy version {VERSION}")
    return parser.parse_args(argv)


async def serve(options: argparse.Namespace, log: Log) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        AddressError: the control API's address cannot be listened on.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    collection = Collection(log, random.Random(options.seed), options.patient)
    api, gate = Api(collection), asyncio.Lock()
    controls: set[ControlProtocol] = set()
    listener = await addresses.listen(addresses.join(options.host, options.port))
    server = await loop.create_server(lambda: ControlProtocol(api, log, gate, controls), sock=listener, backlog=1024)
    log.line("api started", listen=addresses.of(listener), version=VERSION)
    if options.config:
        await _configure(collection, options.config, log)
    # What exists now lives as long as the process: keep the collector off it.
    gc.freeze()
    await stopped.wait()
    server.close()
    await collection.clear()
    for control in list(controls):
        control.close()
    await asyncio.sleep(0)
    log.line("api stopped")


async def _configure(collection: Collection, path: str, log: Log) -> None:
    try:
        with open(path, "rb") as file:
            raw = file.read()
        await collection.populate(raw, [])
    except (OSError, ApiError) as error:
        log.line("config failed", path=path, error=error)


def main(argv: Sequence[str] | None = None) -> int:
    """The process' exit status: 0 after a signal, 1 when the API's address is not to be had."""
    options = arguments(argv)
    log = Log(None) if options.quiet else standard_output()
    try:
        asyncio.run(serve(options, log))
    except AddressError as error:
        print(f"toxiproxy: cannot serve the API: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
