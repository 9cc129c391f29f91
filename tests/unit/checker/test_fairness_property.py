"""Overtaking is judged where it is certain, and only told where it is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.verdict import Verdict
from histories.build import Story
from histories.spec import Spec
from tests.unit.checker.judging import judged

PROPERTY = "fairness"
QUEUE = Spec(most_overtakes=0, recovery_ns=1_000_000_000)


def warm(spec: Spec = QUEUE) -> Story:
    """Everybody's first attempt is over: they are connected."""
    story = Story(spec).trial(0, 10_000)
    for number, client in enumerate("ABCD"):
        story.hold(client, 10 * number, 10 * number + 1, until=10 * number + 5)
    return story


def overtaken(gap: float, story: Story | None = None) -> Story:
    """A waits while D holds; B calls ``gap`` ms after A and is granted first."""
    story = story or warm()
    story.hold("D", 1000, 1001, until=1500)
    story.acquire("A", 1010, 1700).acquire("B", 1010 + gap, 1510)
    return story.release("B", 1600, 1601).release("A", 1800, 1801)


def verdict_of(story: Story) -> Verdict:
    found = judged(story, PROPERTY)
    assert found is not None
    return found


def test_fairness_who_called_long_after_and_was_granted_first_overtook() -> None:
    found = verdict_of(overtaken(100))
    assert (found.validity, found.kind) == ("invalid", "overtaken")
    assert "A had waited 50 ms" in found.sentence
    assert found.figures == {"overtakes": 1, "max_overtaken": 1, "overtakable": 1}
    assert [(event.at_ms, event.who, event.what, event.attempt) for event in found.witness] == [
        (1010.0, "A", "calls acquire", "A-2"),
        (1110.0, "B", "calls acquire", "B-2"),
        (1510.0, "B", "is granted", "B-2"),
        (1700.0, "A", "is granted", "A-2"),
    ]


@pytest.mark.parametrize(("gap", "validity"), [(49, "unknown"), (50, "invalid")])
def test_fairness_calls_at_nearly_the_same_time_are_in_no_certain_order(gap: float, validity: str) -> None:
    found = verdict_of(overtaken(gap))
    assert found.validity == validity
    if validity == "unknown":
        assert found.reason == "vacuous: nobody called while another had certainly been waiting"


def test_fairness_as_patient_as_the_slowest_call_that_need_not_wait() -> None:
    story = warm().acquire("C", 500, 620, "fail", op="try")
    assert verdict_of(overtaken(119, story)).validity == "unknown"
    story = warm().acquire("C", 500, 620, "fail", op="try")
    assert verdict_of(overtaken(120, story)).validity == "invalid"


def test_fairness_what_was_slow_in_a_fault_asks_for_no_patience() -> None:
    story = warm().fault("kill-node", 490, 495, "n").acquire("C", 500, 3000, "fail", op="try")
    gap = overtaken(100, story.hold("D", 5000, 5001, until=5500).acquire("A", 5010, 5700))
    gap.acquire("B", 5120, 5510).release("B", 5600, 5601)
    assert verdict_of(gap).figures["max_overtaken"] == 1


def test_fairness_first_come_first_served() -> None:
    story = warm().hold("D", 1000, 1001, until=1500).hold("A", 1010, 1510, until=1600)
    found = verdict_of(story.hold("B", 1110, 1610, until=1700))
    assert (found.validity, found.reason) == ("valid", "1 attempts were waiting when others called")


def test_fairness_a_promise_may_allow_some() -> None:
    spec = Spec(most_overtakes=1, recovery_ns=1)
    found = verdict_of(overtaken(100, warm(spec)))
    assert found.validity == "valid"
    assert "overtaken more than 1 times" in found.sentence
    assert verdict_of(overtaken(100, warm(spec)).hold("C", 1200, 1650, until=1660)).validity == "invalid"


def test_fairness_the_witness_names_no_more_than_prove_it() -> None:
    story = overtaken(100)
    for number in range(5):
        story.hold("C", 1400 + 20 * number, 1601 + 2 * number, until=1602 + 2 * number)
    found = verdict_of(story)
    assert found.figures["max_overtaken"] == 6
    assert [event.who for event in found.witness if event.row == "call"] == ["A", "B"]


def test_fairness_a_first_attempt_may_have_to_connect() -> None:
    assert verdict_of(overtaken(100, Story(QUEUE).trial(0, 9000).hold("B", 0, 1, until=2))).validity == "unknown"


def test_fairness_an_attempt_that_was_seen_waits_from_then_on() -> None:
    woken = overtaken(20).wake(1030, "X")
    assert verdict_of(woken).validity == "unknown"
    story = warm().hold("D", 1000, 1001, until=1500).acquire("A", 1010, 1700).wake(1025, "A")
    story.acquire("B", 1030, 1510).release("B", 1600, 1601)
    assert verdict_of(story).validity == "invalid"
    queued = Story(QUEUE).trial(0, 9000).acquire("A", 1010, 1700).began(1025, "zk-1", "A-1")
    assert verdict_of(queued.acquire("B", 1030, 1510).release("B", 1600, 1601)).validity == "invalid"
    late = Story(QUEUE).trial(0, 9000).acquire("A", 1010, 1700).began(1031, "zk-1", "A-1")
    assert verdict_of(late.acquire("B", 1030, 1510).release("B", 1600, 1601)).validity == "unknown"


@pytest.mark.parametrize(
    ("asked", "healed", "validity"),
    [(900, 950, "unknown"), (1300, 1400, "unknown"), (1020, None, "unknown"), (1550, 1560, "invalid")],
    ids=["recovering", "meanwhile", "before-the-call", "afterwards"],
)
def test_fairness_places_in_the_queue_are_lost_in_faults(asked: float, healed: float | None, validity: str) -> None:
    assert verdict_of(overtaken(100).fault("kill-node", asked, healed, "n")).validity == validity


def test_fairness_counts_again_when_a_fault_is_over() -> None:
    assert verdict_of(overtaken(100).fault("kill-node", 5, 6, "n")).validity == "invalid"
    slow = warm(Spec(most_overtakes=0, recovery_ns=2_000_000_000))
    assert verdict_of(overtaken(100, slow).fault("kill-node", 5, 6, "n")).validity == "unknown"


def test_fairness_tries_do_not_wait_but_may_overtake() -> None:
    story = warm().hold("D", 1000, 1001, until=1500).acquire("A", 1010, 1700)
    assert verdict_of(story.acquire("B", 1520, 1521, op="try").release("B", 1600, 1601)).validity == "invalid"
    story = warm().hold("D", 1000, 1001, until=1500).acquire("A", 1010, 1700, op="try").wake(1015, "A")
    assert verdict_of(story.acquire("B", 1120, 1510).release("B", 1600, 1601)).validity == "unknown"


def test_fairness_re_entering_overtakes_nobody() -> None:
    story = warm(Spec(most_overtakes=0, reentry_limit=2, recovery_ns=1)).acquire("D", 1000, 1001)
    story.acquire("A", 1010, 1700).acquire("D", 1200, 1201, depth=2).release("D", 1400, 1401)
    assert verdict_of(story.release("D", 1500, 1501)).validity == "unknown"


def test_fairness_where_several_hold_a_late_reply_is_no_overtake() -> None:
    spec = Spec(most_overtakes=0, permits=2, recovery_ns=1)
    story = warm(spec).acquire("A", 1010, 1200).acquire("B", 1100, 1190)
    assert verdict_of(story).validity == "valid"
    story = warm(spec).acquire("A", 1010, 1300).acquire("B", 1100, 1190)
    assert verdict_of(story).validity == "invalid"


def test_fairness_is_judged_only_where_it_is_promised() -> None:
    assert judged(overtaken(100, warm(Spec())), PROPERTY) is None


def test_fairness_of_nobody() -> None:
    assert verdict_of(Story(QUEUE)).validity == "unknown"


attempts = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 60), st.integers(0, 60), st.booleans()), min_size=1, max_size=14
)


@given(attempts, st.integers(0, 2))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_fairness_agrees_with_comparing_every_pair(drawn: list[tuple[str, int, int, bool]], limit: int) -> None:
    """Times in tens of ms; the first attempt of each client shows that it is connected."""
    story = warm(Spec(most_overtakes=limit, permits=1))
    free = dict.fromkeys("ABCD", 100)
    made = []
    for client, pause, length, waits in drawn:
        inv = free[client] + pause
        free[client] = inv + length + 2
        made.append((10 * inv, 10 * (inv + length), waits))
        story.acquire(client, 10 * inv, 10 * (inv + length), op="acquire" if waits else "try")
        story.release(client, 10 * (inv + length) + 1, 10 * (inv + length) + 2)
    patience = max([50, *(ret - inv for inv, ret, waits in made if not waits)])
    counts = [sum(a >= inv + patience and b < ret for a, b, _ in made) for inv, ret, waits in made if waits]
    found = verdict_of(story)
    assert found.figures["overtakes"] == sum(counts)
    assert found.figures["max_overtaken"] == max(counts, default=0)
    assert (found.validity == "invalid") == (max(counts, default=0) > limit)
