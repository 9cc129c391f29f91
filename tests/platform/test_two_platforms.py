"""The same plan gives the same verdict on both platforms.

By default one trial of the quickest plans: tests/partition holds both platforms to the rest as well.
LOCKQUAKE_COMPARED_TRIALS=10 makes ten trials of every plan on each; docs/platforms.md has what came of it, and explains
what differs.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from lockquake.batch import Rigs, run_one
from lockquake.plan import build
from lockquake.rundir import batch_directory
from lockquake.support import require_supported
from lockquake.trial import TrialResult
from nuclei import registry
from nuclei.platforms.base import Unsupported
from nuclei.platforms.choice import PLATFORMS

VARIABLE = "LOCKQUAKE_COMPARED_TRIALS"
ALL = VARIABLE in os.environ
TRIALS = int(os.environ.get(VARIABLE, "1"))
PLANS = {
    ("redis-set-nx-px@redis-single", "pause-client"): "invalid: mutual-exclusion overstay by lease-ran-out",
    ("redis-set-nx-px@redis-single", "kill-node"): "invalid: mutual-exclusion double-grant by restart",
    ("redis-set-nx-px@redis-sentinel", "failover"): "invalid: mutual-exclusion double-grant by failover",
    ("zk-sequential@zookeeper", "partition:side=primary"): "valid",
}
Run = Callable[[str, str, str, int], TrialResult]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Trials of a nucleus and a fault on a platform, with a seed; clusters are shared."""
    root = tmp_path_factory.mktemp("two-platforms")
    log: list[str] = []
    with Rigs(root / "clusters", log.append, clients=3) as rigs:

        def one(nucleus: str, fault: str, platform: str, seed: int) -> TrialResult:
            plan = build(nucleus, faults=[fault], seed=seed, platform=platform)
            path = batch_directory(root, f"{platform}-{plan.slug}")
            return run_one(plan, rigs, path, root, threading.Event(), log.append)

        yield one


def verdict(result: TrialResult) -> str:
    """What a trial came to, and the violation of mutual exclusion if there is one."""
    found = next((v for v in result.verdicts if v.property == "mutual-exclusion" and v.validity == "invalid"), None)
    return f"{result.status}: {found.property} {found.kind} by {found.cause}" if found else result.status


@pytest.mark.timeout(120 * TRIALS + 180)
@pytest.mark.parametrize(("nucleus", "fault"), list(PLANS), ids=[f"{nucleus} {fault}" for nucleus, fault in PLANS])
def test_the_same_plan_gives_the_same_verdict(run: Run, nucleus: str, fault: str) -> None:
    if not (ALL or nucleus.endswith("@redis-single")):
        pytest.skip(f"tests/partition expects this of both platforms; {VARIABLE}=1 compares it here, too")
    require_both(nucleus, fault)
    came = {name: Counter(verdict(run(nucleus, fault, name, seed)) for seed in range(TRIALS)) for name in PLATFORMS}
    assert came == {name: Counter({PLANS[nucleus, fault]: TRIALS}) for name in PLATFORMS}


def require_both(nucleus: str, fault: str) -> None:
    """Skips where one of the platforms cannot run a plan here."""
    images = (*registry.cluster(nucleus.partition("@")[2]).images, "toxiproxy")
    if reason := next(filter(None, map(PLATFORMS["docker"].why_not_image, images)), None):
        pytest.skip(reason)
    try:
        require_supported(build(nucleus, faults=[fault], platform="process"))
    except Unsupported as error:
        pytest.skip(str(error))
