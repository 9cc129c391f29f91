"""Mistakes that could be made in the checkers, and for each the test that notices it.

One piece of one module's text is replaced (see :mod:`tests.unit.checker.test_mutations`). Where the piece is no longer
there, the mistake has to be written anew for the code as it is now.
"""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    """``old`` becomes ``new`` in ``checker/<module>.py``. ``noticed_by``: ``file:function``, with ``[argument]`` where
    the test has one that is a text or a number."""

    module: str
    old: str
    new: str
    noticed_by: str


def saved(story: str) -> str:
    """The report of a story of the corpus, as saved."""
    return f"test_report:test_report_is_as_saved[{story}]"


OF_INSIDES = {
    "touching insides are taken to meet": Mistake(
        "insides",
        'np.arange(len(begin)) - np.searchsorted(np.sort(end), begin, side="right")',
        'np.arange(len(begin)) - np.searchsorted(np.sort(end), begin, side="left")',
        "kernels.test_insides_by_definition:test_a_mutex_agrees_with_comparing_all_pairs[1]",
    ),
    "overlaps are looked for among neighbours only": Mistake(
        "insides",
        "best = latest(np.concatenate(([True], end[1:] > highest[:-1])))",
        "best = np.arange(len(end))",
        "test_insides:test_a_long_hold_is_compared_with_all_that_follow_not_with_its_neighbour",
    ),
    "identities of one process are two clients": Mistake(
        "insides",
        "found = met_of_others(begin, end, process[holds.client[some]])",
        "found = met_of_others(begin, end, holds.client[some])",
        "test_insides:test_two_identities_of_one_process_are_not_two_clients",
    ),
    "readers exclude readers": Mistake(
        "insides",
        "pairs[readers] -= _others(begin[readers], end[readers])",
        "pass",
        "kernels.test_insides_by_definition:test_readers_meet_writers_only[1]",
    ),
    "one permit more than there are may be out": Mistake(
        "insides",
        "second = np.flatnonzero(taken > limit)",
        "second = np.flatnonzero(taken > limit + 1)",
        saved("one-permit-too-many"),
    ),
    "insides of many locks are on one line": Mistake(
        "insides",
        "if len(bounds) > 2:",
        "if False:",
        "test_insides:test_locks_are_judged_one_by_one[5]",
    ),
    "a kill ends nothing": Mistake(
        "lives",
        "self.kills.setdefault(process, row.t)",
        "pass",
        "test_insides:test_a_kill_ends_it_and_so_does_the_end_of_the_trial",
    ),
    "a refused release ends no inside": Mistake(
        "holds",
        'calls.is_op("release") | (calls',
        'calls.is_op("release") & (calls.outcome != ENDING["fail"]) | (calls',
        "test_insides:test_the_release_call_ends_it_whatever_came_of_the_call",
    ),
    "being told counts as leaving": Mistake(
        "record",
        "leaves = [row for row in self.rows if isinstance(row, Leave)]",
        "leaves = [row if isinstance(row, Leave) else Leave(t=row.t, client=row.client, lock=row.lock, "
        'attempt=row.attempt, why="told") for row in self.rows if isinstance(row, Leave | Told)]',
        "test_insides:test_knowing_is_not_leaving",
    ),
    "a repeated release ends the next hold": Mistake(
        "holds",
        "while len(stale):",
        "while False:",
        "test_holds:test_a_repeated_release_does_not_tear_a_re_entered_hold_apart",
    ),
    "what was stale is looked for once": Mistake(
        "holds",
        "if np.array_equal(before, stale):",
        "if True:",
        "kernels.test_stale_releases:test_what_is_stale_may_depend_on_what_was_stale_before",
    ),
    "leaving goes one up, not all the way": Mistake(
        "holds",
        "ALL_THE_WAY = -2",
        "ALL_THE_WAY = -1",
        "test_holds:test_columns_say_what_a_walk_says[0]",
    ),
    "a call that names an attempt belongs to the hold its client is in": Mistake(
        "belongings",
        "np.where(ranked[at] == asked, number, otherwise)",
        "otherwise",
        "test_holds:test_columns_say_what_a_walk_says[0]",
    ),
}

OF_LEASES = {
    "leases run from the return": Mistake(
        "leases",
        "inv, until = calls.inv[rows], calls.lease_until[rows]",
        "inv, until = calls.ret[rows], calls.lease_until[rows]",
        "kernels.test_leases_by_definition:test_they_are_what_each_holds_calls_say[lease]",
    ),
    "a refused renewal renews": Mistake(
        "leases",
        "np.maximum.at(renewed, prolonged[ok], _asked(calls, renewals[ok], spec))",
        "np.maximum.at(renewed, prolonged, _asked(calls, renewals, spec))",
        "test_lease_property:test_lease_runs_from_the_call_and_to_the_last_confirmed_renewal",
    ),
    "a release that failed lets nothing go": Mistake(
        "leases",
        "np.minimum.at(letting_go, released, calls.inv[releases])",
        "np.minimum.at(letting_go, released, np.where(calls.outcome[releases] == 0, calls.inv[releases], NEVER))",
        "test_lease_property:test_lease_ends_at_the_first_release_attempt_whatever_came_of_it",
    ),
    "an acquire that waited is taken to have asked at its call": Mistake(
        "leases",
        "return np.where(until == NONE, inv, said)",
        "return inv",
        "test_kind_and_cause:test_an_acquire_that_waited_tells_by_its_deadline_when_it_had_asked",
    ),
    "leases are compared with their neighbours only": Mistake(
        "properties/lease",
        "first, second, _ = met_of_others(begin, end, case.holds.client[some])",
        "own = case.holds.client[some]; second = 1 + np.flatnonzero((end[:-1] > begin[1:]) & (own[1:] != own[:-1])); "
        "first = second - 1",
        "kernels.test_leases_by_definition:test_the_first_of_a_clients_leases_may_outlive_its_second",
    ),
    "the order of leases forgets renewals": Mistake(
        "lease_order",
        "min(max(start, self.renewed) + self.ttl, self.letting_go)",
        "min(start + self.ttl, self.letting_go)",
        "kernels.test_lease_orders:test_a_renewed_lease_is_in_the_way_longer",
    ),
    "only the order of returns is tried": Mistake(
        "lease_order",
        "fits = _one_after_another(leases) or _fit(leases)",
        "fits = _one_after_another(leases)",
        "kernels.test_lease_orders:test_another_order_than_that_of_returns_may_fit",
    ),
    "a long lease reaches its neighbour only": Mistake(
        "lease_order",
        "furthest = np.maximum.accumulate(latest)",
        "furthest = latest",
        "kernels.test_lease_orders:test_a_long_lease_reaches_beyond_its_neighbour",
    ),
}

OF_TOKENS = {
    "a token may be used by two attempts": Mistake(
        "tokens",
        "attempt[order] != attempt[first]",
        "attempt[order] < 0",
        "linear.test_fencing_tokens:test_one_token_belongs_to_one_attempt",
    ),
    "a re-entry may not repeat its token": Mistake(
        "tokens",
        "attempt[order] != attempt[first]",
        "order != first",
        "linear.test_fencing_tokens:test_a_re_entry_repeats_the_token",
    ),
    "grants that touch are in order": Mistake(
        "tokens",
        "soonest[greater[stale]] < called[stale]",
        "soonest[greater[stale]] <= called[stale]",
        "linear.test_fencing_tokens:test_concurrent_grants_may_have_any_order",
    ),
    "tokens are compared with the next greater one only": Mistake(
        "tokens",
        "soonest = np.minimum.accumulate(over[::-1])[::-1]",
        "soonest = over",
        "kernels.test_tokens_in_use:test_a_greater_token_further_on_counts_too",
    ),
    "locks share their tokens": Mistake(
        "tokens",
        "begin = firsts(fence[order], numbers)",
        "begin = firsts(fence[order])",
        "linear.test_fencing_tokens:test_the_same_token_of_another_lock_is_another_token",
    ),
    "only older tokens are stale at the ledger": Mistake(
        "properties/fencing_at_ledger",
        "(fence == limit and row.attempt != newest.attempt)",
        "False",
        saved("reused-token"),
    ),
}

OF_MUTEXES = {
    "touching cores are taken to meet": Mistake(
        "linear/owner_mutex",
        "holds.start[1:] < holds.end[:-1]",
        "holds.start[1:] <= holds.end[:-1]",
        "test_linear:test_touching_cores_do_not_meet",
    ),
    "a hold is certain from its call": Mistake(
        "linear/holds",
        "return self._times(self.line.ret, self.acquire)",
        "return self._times(self.line.inv, self.acquire)",
        "test_linear:test_trap_possibly_held_over_extents_would_accept_this",
    ),
    "a hold is certain until its release returned": Mistake(
        "linear/holds",
        "return self._times(self.line.inv, self.closing)",
        "return self._times(self.line.ret, self.closing)",
        "test_linear:test_trap_replaying_in_order_of_completion_would_reject_this",
    ),
    "refusals that touch a gap are taken to be inside": Mistake(
        "linear/refusals",
        "(low < inv) & (ret < high)",
        "(low <= inv) & (ret <= high)",
        "test_linear:test_a_refusal_that_touches_a_hold_is_right",
    ),
    "a crashed acquire is dropped though others were refused": Mistake(
        "linear/holds",
        "np.minimum.at(granted, self.boundary[self.line.lock_of(after)], self.line.inv[after])",
        "pass",
        "test_linear:test_a_lost_acquire_explains_refusals_after_the_last_hold_only",
    ),
    "a ghost may also lie before the last hold": Mistake(
        "linear/holds",
        "np.minimum.at(granted, self.boundary[self.line.lock_of(after)], self.line.inv[after])",
        "granted = np.minimum(granted, self.line.inv[after].min(initial=1 << 62))",
        "test_linear:test_a_lost_acquire_explains_refusals_after_the_last_hold_only",
    ),
    "one perhaps released acquire explains every gap": Mistake(
        "linear/refusals",
        "wrong = fitting <= number",
        "wrong = fitting <= 0",
        "test_linear:test_a_lost_acquire_that_was_perhaps_released_explains_one_gap",
    ),
    "a release of unknown effect never happened": Mistake(
        "linear/tails",
        "tails.add(acquire=place[at - 1], closing=place[at + after])",
        "tails.add(kept=place[at - 1])",
        "linear.test_owner_mutex:test_clients_that_retire_need_no_search",
    ),
    "a refused release is no lost lock": Mistake(
        "linear/clients",
        "(START, N), (A, R)",
        "(START, N), (A, N), (A, R)",
        "linear.test_owner_mutex:test_clients_that_retire_need_no_search",
    ),
    "holds that take no time have one order": Mistake(
        "linear/cluster",
        "short[:-1] & short[1:]",
        "short[:-1] & short[1:] & False",
        "test_linear:test_holds_that_take_no_time_may_be_in_either_order",
    ),
    "the radix order is not stable": Mistake(
        "order",
        'order = np.argsort(key.astype(np.uint16), kind="stable")',
        'order = np.argsort(key.astype(np.uint16)[::-1], kind="stable")[::-1]',
        "linear.test_linear_order:test_stable_order_is_numpys",
    ),
    "the second digit of a radix order is left out": Mistake(
        "order",
        "range(_DIGIT, most.bit_length(), _DIGIT)",
        "range(0)",
        "kernels.test_orders:test_numbers_of_more_than_one_digit",
    ),
    "many locks are not kept apart": Mistake(
        "apart",
        "base = np.repeat(np.arange(locks) * span - first, np.diff(bounds))",
        "base = np.repeat(np.arange(locks) * 0 - first, np.diff(bounds))",
        "linear.test_owner_mutex:test_clients_that_retire_need_no_search",
    ),
    "the latest deadline goes first": Mistake(
        "linear/merge",
        "return events.tolist(), rank.tolist(), order.tolist()",
        "return events.tolist(), (len(order) - 1 - rank).tolist(), order[::-1].tolist()",
        "linear.test_anonymous:test_random_histories",
    ),
    "refusals are placed by luck": Mistake(
        "linear/merge",
        "waiting.append(number)",
        "placed[number] = True",
        "linear.test_anonymous:test_random_histories",
    ),
    "returns come before calls at equal times": Mistake(
        "linear/merge",
        'np.searchsorted(inv, ret[back], side="right")',
        'np.searchsorted(inv, ret[back], side="left")',
        "linear.test_anonymous:test_all_tiny_histories_in_as_few_moments_as_can_be",
    ),
}

OF_OTHER_LOCKS = {
    "one permit too many is let out": Mistake(
        "linear/semaphore",
        "over = np.flatnonzero(least.level > self.permits)",
        "over = np.flatnonzero(least.level > self.permits + 1)",
        "linear.test_semaphore:test_one_grant_too_many_is_shown_with_the_holds_that_leave_no_room",
    ),
    "a lazy search is taken to be exact": Mistake(
        "linear/semaphore",
        "right[own] = least.meet(least.level > self.permits - weight, first[own], last[own])",
        "right[own] = True",
        "linear.test_semaphore:test_two_refusals_can_contradict_each_other",
    ),
    "calls come after returns in the sweep of permits": Mistake(
        "linear/semaphore",
        "return usage(self.line, down, -self.weight[down], up, self.weight[up])",
        "from checker.linear.usage import swept; line = self.line; return swept(line, (line.ret[up], up, "
        "self.weight[up]), (line.inv[down], down, -self.weight[down]))",
        "kernels.test_permits_that_touch:test_a_release_called_when_a_grant_returns_comes_first",
    ),
    "weights do not count": Mistake(
        "linear/semaphore",
        "self.line, self.weight, self.permits = line, weight.astype(np.int64), permits",
        "self.line, self.weight, self.permits = line, np.ones(len(weight), np.int64), permits",
        "linear.test_semaphore:test_largest_grants_are_shown_first",
    ),
    "the limit of re-entry is off by one": Mistake(
        "linear/reentrant",
        "(before[inside] >= limit)",
        "(before[inside] > limit)",
        "kernels.test_re_entry_at_the_limit:test_once_more_than_the_limit_is_too_often",
    ),
    "a refusal at the limit is wrong": Mistake(
        "linear/reentrant",
        "(letter[inside] == F) & (before[inside] < limit)",
        "(letter[inside] == F) & (before[inside] <= limit)",
        "linear.test_reentrant:test_a_refusal_within_the_own_hold_is_right_at_the_limit_only",
    ),
    "the first release ends a nested hold": Mistake(
        "linear/nested",
        "changed = np.flatnonzero(held != (own.before > 0))",
        "changed = np.flatnonzero(own.after != own.before)",
        "linear.test_reentrant:test_a_hold_lasts_from_the_outermost_acquire_to_the_last_release",
    ),
}

OF_READERS_AND_WRITERS = {
    "touching cores of a reader and a writer meet": Mistake(
        "linear/read_write",
        "(holds.end[first] > holds.start[later])",
        "(holds.end[first] >= holds.start[later])",
        "linear.test_read_write:test_readers_share_and_touching_cores_do_not_meet",
    ),
    "a read may be refused because of a reader": Mistake(
        "linear/read_write_refusals",
        "(True, np.flatnonzero(~holds.shared))",
        "(True, np.arange(len(holds.shared)))",
        "linear.test_read_write:test_refusals_need_the_right_holders",
    ),
    "extents are not clipped by holds of other phases": Mistake(
        "linear/read_write_refusals",
        "start[writers] = np.maximum",
        "np.maximum",
        "linear.test_read_write:test_extents_are_clipped_by_all_holds_of_other_phases",
    ),
    "fair locks may not refuse readers": Mistake(
        "linear/decide",
        "fair=spec.most_overtakes is not None",
        "fair=False",
        "kernels.test_which_algorithm:"
        "test_a_lock_that_keeps_an_order_of_arrival_may_refuse_readers_because_a_writer_waits",
    ),
    "what no algorithm covers is not searched": Mistake(
        "linear/decide",
        "search = fallback(spec)",
        "search = None",
        "kernels.test_which_algorithm:test_nothing_is_left_open[two permits]",
    ),
}

OF_SEARCH = {
    "an unknown effect is taken to have happened": Mistake(
        "search/timeline",
        "return self.ret >= NEVER",
        "return False",
        "kernels.test_searching_again:test_what_never_came_back_need_not_have_happened",
    ),
    "a ghost may take effect again and again": Mistake(
        "search/closure",
        "higher, more = price + counter.price, ghosts + counter.unit",
        "higher, more = price + counter.price, ghosts",
        "search.test_search:test_a_ghost_takes_effect_once",
    ),
    "returns come before calls in the search": Mistake(
        "search/timeline",
        "times = [(ops[i].inv, False, i) for i in kept] + [(ops[i].ret, True, i)",
        "times = [(ops[i].inv, True, i) for i in kept] + [(ops[i].ret, False, i)",
        "search.test_search:test_at_equal_times_calls_come_before_returns",
    ),
    "what was left out is not gone back to": Mistake(
        "search/search",
        "if self.left_out is None:\n                    return self._outcome(False)",
        "if True:\n                    return self._outcome(False)",
        "kernels.test_searching_again:test_what_was_left_out_is_gone_back_to",
    ),
    "a stale read is explained": Mistake(
        "search/stores",
        "return state if state == self.plain(action.value) else None",
        "return state",
        "search.test_recorded_stores:test_a_stale_read_is_not",
    ),
}

OF_PROPERTIES = {
    "worst is best": Mistake(
        "verdict",
        '"valid": 0, "unknown": 1, "invalid": 2',
        '"valid": 2, "unknown": 1, "invalid": 0',
        "test_compose:test_worst_wins_and_nothing_judged_is_unknown",
    ),
    "vacuous verdicts are called valid": Mistake(
        "verdict",
        'return Verdict(property=name, validity="unknown", sentence=sentence, lock=lock, reason=reason, **more)',
        'return Verdict(property=name, validity="valid", sentence=sentence, lock=lock, reason=reason, **more)',
        saved("never-contended"),
    ),
    "every trial had its opportunity": Mistake(
        "opportunity", "if len(holders) < 2:", "if False:", saved("never-contended")
    ),
    "faults need no opportunity": Mistake("opportunity", "if missing:", "if False:", saved("nobody-at-the-fault")),
    "any node is in charge": Mistake(
        "observed",
        "return any(seen.in_charge for seen in timeline[max",
        "return True or (timeline[max",
        saved("replica-flushed"),
    ),
    "what nobody saw never was": Mistake(
        "cause", 'if node in promoted and "key absent" in', 'if False and "" in', saved("promotion-found-no-key")
    ),
    "losses are dated when they were seen": Mistake(
        "observed",
        "min([row.t, *(since for since, _ in unseen)])",
        "row.t",
        "test_kind_and_cause:test_what_was_lost_while_nobody_looked_is_dated_from_the_last_look",
    ),
    "nobody was frozen until long after the resume": Mistake(
        "description", "FROZEN_NS = 50 * MS", "FROZEN_NS = -50 * MS", saved("frozen")
    ),
    "who let go itself may be the victim of a release": Mistake(
        "foreign",
        "if any(call.inv <= life.ended for call in victim.releases):",
        "if False:",
        saved("deleted-by-nobody-we-know"),
    ),
    "recovery has no bound": Mistake(
        "properties/recovery",
        "bound = case.spec.recovery_ns or 0",
        "bound = 1 << 60",
        "test_recovery_property:test_recovery_too_late",
    ),
    "the dead own what they held": Mistake(
        "stretches",
        "gone = case.record.gone\n",
        "gone = np.full_like(case.record.gone, NEVER)\n",
        saved("killed-holder-for-ever"),
    ),
    "extents alone excuse a refusal": Mistake(
        "properties/refusal",
        "if not (leases.certain[sure][:-1] > holds.entered[sure][1:]).any():",
        "if False:",
        "test_refusal_property:test_refusal_under_an_exact_lease_clips_extents_by_the_certain_holds_of_others",
    ),
    "a holder is never refused wrongly": Mistake(
        "properties/re_entry", "if 0 < depth < limit:", "if False:", saved("refused-its-own-lock")
    ),
    "one overtake more than promised is allowed": Mistake(
        "properties/fairness",
        'if figures["max_overtaken"] > limit:',
        'if figures["max_overtaken"] > limit + 1:',
        saved("out-of-turn"),
    ),
    "a waiter that is woken twice is two": Mistake(
        "wakes",
        "woken = {(at, row.client, row.attempt) for",
        "woken = {(at, row.client, row.t) for",
        "test_herd_property:test_herd_waking_one_waiter_twice_is_one",
    ),
    "equal times are an overtake": Mistake(
        "overtakes",
        "return nested(inv, ret, inv + 1, ret) if",
        "return nested(inv, ret, inv, ret + 1) if",
        "kernels.test_overtaking_by_definition:test_it_is_strict[0]",
    ),
    "one effect over the budget is no harm": Mistake(
        "properties/conservation",
        "if not 0 <= sum_ <= self.budget)",
        "if not 0 <= sum_)",
        saved("paid-beyond-the-budget"),
    ),
    "a request may have two effects": Mistake("properties/duplicates", "is not row]", "is None]", saved("paid-twice")),
    "runs end when their client lets go": Mistake(
        "resources",
        'return max(row.t, end), "end"',
        'return row.t, "end"',
        "test_single_runner_property:test_runner_a_run_still_under_way_at_the_end",
    ),
    "who was told may stay": Mistake("properties/stale_belief", "> GRACE_NS]", "> 1 << 60]", saved("told-and-stayed")),
    "a lock may be blocked by the client's own key": Mistake(
        "properties/self_block", "if _covers(case, life, later)", "if False", saved("shut-out-by-itself")
    ),
}

MISTAKES = (
    OF_INSIDES
    | OF_LEASES
    | OF_TOKENS
    | OF_MUTEXES
    | OF_OTHER_LOCKS
    | OF_READERS_AND_WRITERS
    | OF_SEARCH
    | OF_PROPERTIES
)
