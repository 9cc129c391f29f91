"""Kind and cause of an overlap come from the calls, the observers' rows and the fault windows, never from guessing."""

from __future__ import annotations

import msgspec
import pytest

from checker import Verdict, check
from histories.build import MS, Story
from histories.rows import Server
from histories.spec import Spec
from histories.vocabulary import EndReason
from tests.unit.checker import stories
from tests.unit.checker.stories import LEASE, SESSION


def exclusion(story: Story) -> Verdict:
    return next(verdict for verdict in check(story.history(), ["mutual-exclusion"]))


def described(story: Story) -> tuple[str | None, str | None, str | None]:
    verdict = exclusion(story)
    assert verdict.validity == "invalid", verdict.sentence
    return verdict.kind, verdict.sub_kind, verdict.cause


def within_lease(reason: EndReason | None, node: str = "redis-1") -> Story:
    """c2 is let in within c1's lease; the observer saw c1's key end for ``reason`` before that."""
    story = (
        Story(LEASE)
        .trial(0, 4000)
        .role(0, "redis-1", "primary")
        .role(0, "redis-2", "replica")
        .acquire("c1", 100, 102, owner="one")
        .began(102, "redis-1", "one")
        .began(103, "redis-2", "one")
        .acquire("c2", 120, 610, owner="two")
        .began(609, "redis-1", "two")
        .release("c2", 700, 702)
        .release("c1", 900, 903, "fail")
    )
    return story if reason is None else story.ended(600, node, "one", reason)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [("flushed", "flush"), ("evicted", "eviction"), ("restart", "restart"), ("replaced", "algorithm")],
)
def test_an_end_on_the_node_in_charge_is_the_cause(reason: EndReason, cause: str) -> None:
    assert described(within_lease(reason)) == ("double-grant", None, cause)


@pytest.mark.parametrize("reason", ["flushed", "evicted", "restart", "deleted", "expired"])
def test_an_end_on_a_replica_proves_nothing(reason: EndReason) -> None:
    story = within_lease(reason, "redis-2").fault("pause-node", 300, 400, "redis-2")
    assert described(story) == ("double-grant", None, "unproven")


def test_a_deletion_without_any_foreign_release_is_unproven() -> None:
    assert described(within_lease("deleted")) == ("double-grant", None, "unproven")


def test_a_deletion_under_a_foreign_release_names_the_releaser() -> None:
    story = within_lease("deleted").acquire("c3", 300, 400, "info").release("c3", 590, 601)
    assert described(story) == ("double-grant", None, "foreign-release")
    assert "c3" in exclusion(story).sentence


def test_a_release_called_after_the_sighting_did_not_do_it() -> None:
    story = within_lease("deleted").acquire("c3", 300, 400, "info").release("c3", 600.5, 603)
    assert described(story) == ("double-grant", None, "unproven")


def test_a_release_that_deleted_its_own_key_did_not_delete_the_other() -> None:
    story = within_lease("deleted").acquire("c3", 300, 400, owner="three").release("c3", 590, 601)
    story.began(400, "redis-1", "three").ended(598, "redis-1", "three", "deleted")
    assert described(story)[2] != "foreign-release"


def test_an_early_expiry_is_the_clock_only_under_a_clock_fault() -> None:
    assert described(within_lease("expired")) == ("double-grant", None, "unproven")
    jumped = within_lease("expired").fault("clock", 550, 800, "redis-1")
    assert described(jumped) == ("double-grant", None, "clock")
    assert "redis-1 let the key of c1 expire early under clock on redis-1" in exclusion(jumped).sentence


def test_a_holder_that_leaves_soon_makes_an_early_expiry_no_later() -> None:
    """Its release, here soon after the overlap began, says nothing of when the server let the key expire."""
    story = within_lease("expired").fault("clock", 550, 800, "redis-1")
    for row in list(story.rows):
        if row.t in {900 * MS, 903 * MS}:
            story.rows[story.rows.index(row)] = msgspec.structs.replace(row, t=row.t - 280 * MS)
    assert described(story) == ("double-grant", None, "clock")


@pytest.mark.parametrize(
    ("asked", "healed", "targets", "cause"),
    [
        (50, 300, ("redis-1",), "clock"),  # put back before the acquire, and right again: a jump ahead
        (10, 90, ("redis-1",), "unproven"),
        (601, 800, ("redis-1",), "unproven"),
        (550, None, ("redis-1",), "clock"),
        (550, 800, ("redis-2",), "unproven"),
        (550, 800, ("redis-2", "redis-1"), "clock"),
        (550, 800, (), "clock"),
    ],
)
def test_only_a_clock_that_was_wrong_in_the_keys_life_on_its_node_explains_an_early_expiry(
    asked: float, healed: float | None, targets: tuple[str, ...], cause: str
) -> None:
    story = within_lease("expired").fault("clock", asked, healed, *targets)
    assert described(story) == ("double-grant", None, cause)


def test_an_expiry_when_the_lease_was_over_is_no_fault_of_a_clock() -> None:
    story = stories.paused_beyond_lease()
    before = described(story)
    assert before[2] == "lease-ran-out"
    assert described(story.fault("clock", 1, None, "redis-1")) == before


def test_nothing_happened_so_it_is_the_algorithm() -> None:
    assert described(within_lease(None)) == ("double-grant", None, "algorithm")


def test_with_a_fault_in_force_the_algorithm_is_not_blamed() -> None:
    assert described(within_lease(None).fault("pause-node", 300, 400, "redis-1"))[2] == "unproven"


def test_without_an_observer_nothing_is_proven() -> None:
    story = within_lease(None)
    story.rows = [row for row in story.rows if type(row).__name__ in {"Call", "Return", "Trial"}]
    assert described(story) == ("double-grant", None, "unproven")


def test_split_brain_is_a_failover_whichever_side_came_first() -> None:
    """Both nodes take themselves for the primary; each grants on its own."""
    for first, second in (("c1", "c2"), ("c2", "c1")):
        node = {"c1": "redis-1", "c2": "redis-2"}
        story = (
            Story(Spec(lease_ns=10_000 * MS))
            .trial(0, 9000)
            .role(0, "redis-1", "primary")
            .role(0, "redis-2", "replica")
            .fault("failover", 100, 6000, "redis-1", "c1", proven=2300, recipe="split-brain")
            .role(2250, "redis-2", "primary")
            .acquire(first, 2400, 2402, owner=first)
            .began(2402, node[first], first)
            .acquire(second, 2500, 2502, owner=second)
            .began(2502, node[second], second)
            .release(first, 2900, 2902)
            .release(second, 3000, 3002)
        )
        assert described(story) == ("double-grant", None, "failover")


def test_a_new_primary_that_held_the_key_is_no_failover_loss() -> None:
    story = stories.failover().began(103, "redis-2", "one")
    assert described(story)[2] == "unproven"


def test_a_blind_observer_cannot_say_that_a_node_never_held_the_key() -> None:
    story = stories.failover().blind(90, 2260, "redis-2")
    assert described(story)[2] == "unproven"


def test_what_was_lost_while_nobody_looked_is_dated_from_the_last_look() -> None:
    """The observer sees the restarted node only after c2 was let in; the loss lies between."""
    story = stories.restart()
    for row in list(story.rows):
        if isinstance(row, Server) and row.t == 640 * MS:
            story.rows[story.rows.index(row)] = msgspec.structs.replace(row, t=1400 * MS)
    assert described(story) == ("double-grant", None, "restart")


def test_an_overstay_whose_renewals_had_failed() -> None:
    story = stories.paused_beyond_lease()
    renewed = Story(LEASE).trial(0, 8000).role(0, "redis-1", "primary")
    renewed.acquire("c1", 10, 12, owner="one").began(12, "redis-1", "one")
    renewed.renew("c1", 600, 602).renew("c1", 1200, 1700, "info")
    renewed.ended(2602, "redis-1", "one", "expired").acquire("c2", 100, 2700, owner="two").began(2700, "redis-1", "two")
    renewed.release("c2", 2800, 2802).release("c1", 3000, 3003, "fail")
    assert described(story) == ("overstay", None, "lease-ran-out")
    assert described(renewed) == ("overstay", None, "renewal-died")


def test_a_renewal_that_came_after_the_key_had_expired_did_not_fail_it() -> None:
    """The holder was paused before it renewed: what it is told when it goes on is the consequence."""
    story = Story(LEASE).acquire("A", 0, 1, owner="a").began(1, "redis-1", "a")
    story.renew("A", 500, 501).ended(2501, "redis-1", "a", "expired").hold("B", 2502, 2503, until=2900, owner="b")
    story.began(2503, "redis-1", "b").renew("A", 2600, 2601, "fail").leave("A", 2602)
    verdict = exclusion(story)
    assert (verdict.kind, verdict.cause) == ("overstay", "lease-ran-out")
    assert "expired on redis-1 before A asked to renew it" in verdict.sentence


def test_an_overstay_without_observers_is_told_by_the_lease_but_not_its_cause() -> None:
    story = Story(LEASE).trial(0, 8000).acquire("c1", 10, 12).acquire("c2", 20, 2055)
    story.release("c2", 2100, 2101).release("c1", 3000, 3003, "fail")
    assert described(story) == ("overstay", None, "unproven")


def test_close_to_the_end_of_the_lease_the_calls_do_not_decide() -> None:
    """Between what is certain (TTL less drift) and what is possible (TTL more drift) lies no proof."""
    story = Story(LEASE).trial(0, 8000).acquire("c1", 10, 12).acquire("c2", 20, 2005)
    story.release("c2", 2100, 2101).release("c1", 3000, 3003, "fail")
    assert described(story) == ("unproven", None, "unproven")


# ---- frozen


def test_frozen_ends_within_50_ms_of_the_resume_and_wrote_nothing_since() -> None:
    assert described(stories.frozen())[1] == "frozen"


def test_a_write_after_the_resume_is_not_frozen() -> None:
    assert described(stories.paused_beyond_lease())[1] is None


def test_an_overlap_that_goes_on_is_not_frozen() -> None:
    story = stories.frozen()
    late = range(4030 * MS, 4050 * MS)
    story.rows = [msgspec.structs.replace(row, t=row.t + 40 * MS) if row.t in late else row for row in story.rows]
    assert exclusion(story).figures["max_overlap_ms"] == 2015
    assert described(story)[1] is None


# ---- sessions


def session(ended: float | None, reason: EndReason = "session-end", nodes: tuple[str, ...] = ("zk-1",)) -> Story:
    """c1 is inside when c2 is let in at 3000 ms; the observers saw c1's node end at ``ended``."""
    story = Story(SESSION).trial(0, 9000).acquire("c1", 10, 14, fence=1).acquire("c2", 20, 3000, fence=2)
    story.release("c2", 3500, 3504).release("c1", 5000, 5004, "info")
    for node in nodes:
        story.role(0, node, "follower").began(20, node, "c1-1", key="/lock/c1-1-01", session="0x1")
        if ended is not None:
            story.ended(ended, node, "c1-1", reason, key="/lock/c1-1-01", session="0x1")
    return story


def test_a_session_that_had_ended_is_an_overstay() -> None:
    assert described(session(2900)) == ("overstay", None, "session-end")


def test_the_earliest_sighting_counts_because_members_lag() -> None:
    story = session(2900).role(0, "zk-2", "follower")
    story.began(20, "zk-2", "c1-1", key="/lock/c1-1-01", session="0x1")
    story.ended(4900, "zk-2", "c1-1", "session-end", key="/lock/c1-1-01", session="0x1")
    assert described(story) == ("overstay", None, "session-end")


def test_a_member_that_forgot_a_node_has_not_ended_it() -> None:
    assert described(session(2900, "restart").fault("kill-node", 2000, 2500, "zk-1"))[0] != "overstay"


def test_a_session_that_lived_on_is_a_double_grant() -> None:
    assert described(session(None)) == ("double-grant", None, "algorithm")
    assert described(session(4600)) == ("double-grant", None, "algorithm")


def test_a_sighting_shortly_after_the_grant_does_not_decide() -> None:
    assert described(session(3700))[0] == "unproven"


def test_a_session_without_observers_is_unproven_and_still_invalid() -> None:
    story = session(None, nodes=())
    assert described(story) == ("unproven", None, "unproven")
    assert "unproven" in exclusion(story).sentence


def test_a_session_row_without_a_key_ends_all_its_nodes() -> None:
    story = session(None).add(
        Server(t=2900 * MS, node="zk-1", event="ended", key="", session="0x1", reason="session-end")
    )
    assert described(story) == ("overstay", None, "session-end")


# ---- the witness


def test_the_most_telling_overlap_is_the_witness() -> None:
    """A short double grant with a proven cause says more than a long overstay."""
    verdict = exclusion(stories.foreign_release())
    assert verdict.figures["overstays"] == 1
    assert verdict.figures["double_grants"] == 1
    assert verdict.kind == "double-grant"


def test_the_sentence_names_clients_overlap_kind_cause_and_fault() -> None:
    sentence = exclusion(stories.failover()).sentence
    for word in ("c1", "c2", "190 ms", "double grant", "failover", "redis-2"):
        assert word in sentence


def test_the_witness_is_in_order_and_says_how_each_came_and_left() -> None:
    verdict = exclusion(stories.session_overstay())
    times = [event.t for event in verdict.witness]
    assert times == sorted(times)
    told = [(event.who, event.what) for event in verdict.witness]
    assert ("c1", "leaves (told)") in told
    assert any("is told" in what for _, what in told)
    assert [fault.name for fault in verdict.faults] == ["pause-client"]


def test_the_algorithm_is_not_blamed_where_the_first_key_was_never_seen() -> None:
    """Others' keys were seen, so the lock lives on the servers; what became of the first holder's key was missed."""
    story = within_lease(None)
    story.rows = [row for row in story.rows if not (isinstance(row, Server) and row.owner == "one")]
    assert described(story) == ("double-grant", None, "unproven")


def test_a_key_gone_before_it_could_be_read_is_tied_to_its_grant_by_time() -> None:
    story = within_lease(None).acquire("c3", 50, 60, "info").release("c3", 108, 111)
    story.rows = [row for row in story.rows if not (isinstance(row, Server) and row.owner == "one")]
    story.began(103, "redis-1", None).ended(110, "redis-1", None, "deleted")
    assert described(story) == ("double-grant", None, "foreign-release")


def test_how_long_two_were_inside_altogether() -> None:
    story = Story(LEASE).hold("A", 0, 10, until=100).hold("B", 15, 20, until=40).hold("C", 25, 30, until=60)
    figures = exclusion(story).figures
    assert (figures["overlaps"], figures["max_overlap_ms"], figures["overlapped_ms"]) == (3, 30, 40)


# ---- what real runs taught: nodes die before anybody read the key, and observers see them again late


def killed_at_once(seen_again: float, *, others: bool) -> Story:
    """The server is killed so soon after the grant that nobody saw the key; it is back before c2 is let in."""
    story = Story(LEASE).trial(0, 9000).role(0, "redis-1", "primary").blind(95, seen_again, "redis-1")
    story.role(400, "redis-1", "down").role(seen_again, "redis-1", "primary", "restarted; key absent")
    story.acquire("c1", 90, 102, owner="one").fault("kill-node", 103, 600, "redis-1")
    story.acquire("c2", 120, 700, owner="two").release("c2", 800, 802).release("c1", 900, 903, "fail")
    return story.role(0, "redis-2", "replica").role(710, "redis-2", "primary", "key absent") if others else story


@pytest.mark.parametrize("seen_again", [690, 1300])
def test_a_restart_is_told_by_the_roles_where_the_key_was_never_read(seen_again: float) -> None:
    story = killed_at_once(seen_again, others=False)
    if seen_again > 1000:
        story.began(seen_again, "redis-1", "two")
    assert described(story)[0] == "double-grant"
    assert described(story)[2] == ("restart" if seen_again < 1000 else "unproven")


def test_with_another_node_in_charge_a_restart_explains_nothing() -> None:
    assert described(killed_at_once(1300, others=True)) == ("double-grant", None, "failover")


def test_a_restart_seen_late_explains_what_the_same_node_let_in() -> None:
    """Its key was read, and no other node ever was in charge."""
    story = killed_at_once(1300, others=False).began(101, "redis-1", "one").ended(1300, "redis-1", "one", "restart")
    assert described(story) == ("double-grant", None, "restart")


def test_a_value_seen_to_end_and_begin_again_lived_once() -> None:
    """An observer that reads ahead of its notifications mixes up two values for a moment."""
    story = within_lease(None).ended(300, "redis-1", "one", "deleted").began(300.1, "redis-1", "one")
    story.acquire("c3", 50, 60, owner="three").release("c3", 290, 301)
    assert described(story) == ("double-grant", None, "algorithm")
    assert [v.validity for v in check(story.history(), ["owner-safe-release"])] == ["valid"]


def test_an_acquire_that_waited_tells_by_its_deadline_when_it_had_asked() -> None:
    """c1 waited for 1.9 s: from its call alone, hardly anything of its lease would be certain."""
    waited = Story(LEASE).trial(0, 9000).acquire("c1", 100, 2002).acquire("c2", 2010, 2100)
    told = Story(LEASE).trial(0, 9000).acquire("c1", 100, 2002, lease_until=4000 * MS).acquire("c2", 2010, 2100)
    assert described(waited)[0] == "unproven"
    assert described(told)[0] == "double-grant"
