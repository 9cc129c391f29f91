"""A run of its own in another process, for tests: ``process_runner.py CLUSTER DIRECTORY``.

Starts the cluster on platform process, freezes one node, and says as one line of JSON where everything is. Then it
waits for a word; on ``go`` it proves that what it started works and stops, on its end it does neither.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nuclei import registry
from nuclei.platforms.base import HarnessError
from nuclei.platforms.process import ProcessPlatform, namespaces

SITE = "c1"


def main(cluster_name: str, directory: Path) -> None:
    """Raises HarnessError, AssertionError."""
    entry = registry.cluster(cluster_name)
    with ProcessPlatform() as platform:
        cluster = entry.make(platform, dict(entry.defaults))
        said: list[str] = []
        wiring = cluster.wiring([SITE])
        node = wiring.nodes[0].name
        platform.start(wiring, directory, said.append)
        cluster.ready()
        console = platform.pipe(node, ["cat"])
        platform.pause("ledger")
        home = str(Path(platform.place(node).home).parent)
        block = platform.place(node).listen.rpartition(".")[0] + "."
        print(json.dumps({"home": home, "block": block, "said": said, "unnamed": namespaces.why_not()}), flush=True)
        if sys.stdin.readline() != "go\n":
            raise HarnessError("nobody said go")
        console.close()
        platform.kill(node)
        cluster.reset("key")
        assert cluster.ping(SITE, node, timeout=2.0)
        for source in sorted({link.source for link in platform.links.links.values() if link.target == node} - {SITE}):
            platform.links.cut(platform.links.names(source, node))
            assert not cluster.peer_ping(source, node)
            platform.links.restore_all()
            assert cluster.peer_ping(source, node, timeout=2.0)
    print("fine", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
