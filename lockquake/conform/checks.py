"""All checks, in the order in which they are made: what a later one rests on comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lockquake.conform import closing, cuts, endings, promises
from lockquake.conform.bench import Bench
from lockquake.conform.outcome import Failed, NotApplicable, Outcome, Undecided, Verdict
from lockquake.conform.sharing import safe_for


@dataclass(frozen=True)
class Check:
    """One thing that the contract asks. ``run`` returns what was seen, or raises Failed, NotApplicable, Undecided."""

    name: str
    run: Callable[[Bench], str]


CHECKS = (
    Check("busy-refused", endings.busy_is_refused),
    Check("try-immediate", endings.try_is_immediate),
    Check("limit-kept", endings.limit_is_kept),
    Check("waiter-served", endings.waiter_is_served),
    Check("second-release", endings.second_release_is_refused),
    Check("late-release", endings.late_release_is_refused),
    Check("foreign-release", endings.foreign_release_frees_nothing),
    Check("lapsed-release", endings.lapsed_release_frees_nothing),
    Check("acquire-reply-lost", cuts.lost_reply_of_acquire),
    Check("acquire-request-lost", cuts.lost_request_of_acquire),
    Check("release-reply-lost", cuts.lost_reply_of_release),
    Check("release-request-lost", cuts.lost_request_of_release),
    Check("release-repeated", cuts.indeterminate_release_can_be_repeated),
    Check("close-prompt", closing.close_is_prompt),
    Check("close-keeps", closing.close_keeps_the_lock),
    Check("owner-value", promises.owner_is_on_the_server),
    Check("re-entry", promises.re_entry_is_as_declared),
    Check("fencing", promises.fencing_tokens_grow),
    Check("lease-until", promises.lease_ends_in_time),
    Check("told-once", promises.loss_is_told_once),
    Check("threads", safe_for("threads")),
    Check("fork", safe_for("fork")),
    Check("asyncio", safe_for("asyncio")),
)
_VERDICTS: dict[type[Exception], Verdict] = {Failed: "fail", NotApplicable: "not applicable", Undecided: "unknown"}


def outcomes(bench: Bench, checks: tuple[Check, ...] = CHECKS) -> Iterator[Outcome]:
    """Make the checks one after another. Raises HarnessError where the cluster fails."""
    observer = bench.rig.cluster.observer(bench.key, bench.truth)
    observer.start()
    try:
        for check in checks:
            yield _outcome(bench, check)
    finally:
        observer.stop()


def _outcome(bench: Bench, check: Check) -> Outcome:
    try:
        with bench.stage():
            return Outcome(check=check.name, verdict="pass", sentence=check.run(bench))
    except tuple(_VERDICTS) as error:
        return Outcome(check=check.name, verdict=_VERDICTS[type(error)], sentence=str(error))
