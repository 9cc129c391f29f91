"""What verdicts tell of the harm, in the resource's own unit: money, items, ticks, waits that ended in a deadlock."""

from __future__ import annotations

from checker import check
from checker.report.text import summary
from checker.verdict import Verdict
from histories.build import Story
from histories.rows import Job, Ledger
from histories.spec import Spec, Wording
from tests.unit.checker.judging import judged

MONEY = Spec(budgets={"budget": 10_000}, wording={"budget": Wording(taken="paid", over="overspent")})
MS = 1_000_000


def verdict_of(story: Story, property: str = "conservation") -> Verdict:
    found = judged(story, property)
    assert found is not None
    return found


def paid(*amounts: int, rest: int | None = None, spec: Spec = MONEY) -> Story:
    """A and B pay in turns; ``rest``: what the last of them wrote that is left."""
    story = Story(spec).trial(0, 1000)
    for number, amount in enumerate(amounts):
        client, start = "AB"[number % 2], 20 * number
        story.acquire(client, start, start + 1).effect(start + 5, client, amount, "budget")
        story.release(client, start + 10, start + 11)
    if rest is not None:
        story.add(books(rest, 20 * len(amounts), "B"))
    return story


def books(rest: int, at: int, client: str, seq: int = 99) -> Ledger:
    return Ledger(t=at * MS, seq=seq, accepted=True, client=client, lock="lock", attempt=f"{client}-1",
                  value={"budget": rest})  # fmt: skip


def test_what_was_paid_is_told_in_the_workloads_words() -> None:
    assert verdict_of(paid(4_000, 6_000)).tally == "paid 10,000 of 10,000"
    over = verdict_of(paid(8_000, 4_034))
    assert (over.validity, over.tally) == ("invalid", "paid 12,034 of 10,000: overspent by 2,034")


def test_books_that_are_wrong_are_told_and_not_judged_here() -> None:
    found = verdict_of(paid(4_000, 5_000, rest=3_000))
    assert (found.validity, found.figures["books_off_by"]) == ("valid", 2_000)
    assert found.tally == "paid 9,000 of 10,000: the books say 3,000 is left, not 1,000"
    assert verdict_of(paid(4_000, 6_000, rest=0)).tally == "paid 10,000 of 10,000"


def test_books_that_show_something_left_of_what_is_overspent() -> None:
    assert verdict_of(paid(8_000, 4_000, rest=2_000)).tally == (
        "paid 12,000 of 10,000: overspent by 2,000, and the books say 2,000 is left"
    )
    assert verdict_of(paid(8_000, 4_000, rest=0)).tally == "paid 12,000 of 10,000: overspent by 2,000"


def test_an_appended_record_is_no_value_of_a_counter() -> None:
    story = paid(4_000, 6_000, rest=0)
    record = {"resource": "budget", "amount": 1}
    story.add(
        Ledger(t=99 * MS, seq=100, accepted=True, client="A", lock="lock", attempt="A-1", op="append", value=record)
    )
    story.add(Ledger(t=99 * MS, seq=101, accepted=False, client="A", lock="lock", attempt="A-1", value={"budget": 77}))
    assert verdict_of(story).tally == "paid 10,000 of 10,000"


def test_what_nobody_could_buy_is_told_where_that_is_harm() -> None:
    items = Spec(budgets={"budget": 3}, wording={"budget": Wording(taken="sold", over="oversold", left="stranded")})
    assert verdict_of(paid(1, 1, spec=items)).tally == "sold 2 of 3: 1 stranded"
    assert verdict_of(paid(1, 1, 1, spec=items)).tally == "sold 3 of 3"


def test_several_resources_are_named() -> None:
    story = Story(Spec(budgets={"north": 1, "south": 1})).trial(0, 1000).effect(1, "A", 1, "north")
    assert verdict_of(story.effect(2, "B", 2, "south")).tally == (
        "taken 1 of 1 from north; taken 2 of 1 from south: over by 1"
    )


def test_the_report_tells_harm_before_the_verdicts() -> None:
    history = paid(8_000, 4_034).history()
    text = summary(history, check(history))
    assert text.index("Harm: paid 12,034 of 10,000: overspent by 2,034") < text.index("INVALID  conservation: paid")


def test_duplicates_are_counted_by_request() -> None:
    story = Story().trial(0, 100)
    for number, request in enumerate(["r1", "r1", "r1", "r2"]):
        story.effect(number + 1, "AB"[number % 2], request=request)
    assert verdict_of(story, "duplicates").tally == "2 requests: 2 effects too many, for 1 of them"
    once = Story().trial(0, 100).effect(1, "A", request="r1").effect(2, "B", request="r2")
    assert verdict_of(once, "duplicates").tally == "2 requests, each with one effect"


def ran(*runs: tuple[str, int, int, int | None], ticks: int = 3) -> Story:
    """Runs of a job: client, tick, beginning and end (None: nobody saw it) in ms."""
    story = Story(Spec(ticks={"job": ticks})).trial(0, 1000)
    for number, (client, tick, start, end) in enumerate(runs):
        names = {"job": "job", "run": str(number), "client": client, "lock": "lock", "attempt": f"{client}-1"}
        story.add(Job(t=start * MS, state="began", tick=tick, **names))
        if end is not None:
            story.add(Job(t=end * MS, state="ended", tick=tick, **names))
    return story


def test_ticks_that_were_all_run_once() -> None:
    found = verdict_of(ran(("A", 0, 10, 20), ("B", 1, 30, 40), ("A", 2, 50, 60)), "single-runner")
    assert (found.validity, found.tally) == ("valid", "3 of 3 ticks of job run")
    assert (found.figures["ticks"], found.figures["ticks_missed"], found.figures["ticks_run_again"]) == (3, 0, 0)


def test_a_tick_run_again_is_invalid_though_no_two_ran_at_once() -> None:
    found = verdict_of(ran(("A", 0, 10, 20), ("B", 0, 30, 40), ("A", 1, 50, 60), ("A", 2, 70, 80)), "single-runner")
    assert (found.validity, found.kind) == ("invalid", "run-again")
    assert found.sentence == "tick 0 of job was run by A and B, one after the other"
    assert found.tally == "3 of 3 ticks of job run, 1 runs of a tick that had been run"


def test_a_tick_missed_or_not_run_to_its_end_is_told() -> None:
    story = ran(("A", 0, 10, 20), ("B", 2, 30, None)).client("B", 50, "killed")
    found = verdict_of(story, "single-runner")
    assert (found.validity, found.tally) == ("valid", "1 of 3 ticks of job run, 2 ticks missed")


def test_two_runners_come_before_a_tick_run_again() -> None:
    found = verdict_of(ran(("A", 0, 10, 40), ("B", 0, 30, 60)), "single-runner")
    assert (found.kind, found.tally) == (
        "two-runners",
        "1 of 3 ticks of job run, 1 runs beside another run, 1 runs of a tick that had been run, 2 ticks missed",
    )


def circle(*, crossed: bool) -> Story:
    """A is inside ``north`` and waits for ``south``; B is inside ``south`` and, if ``crossed``, waits for ``north``."""
    story = Story(Spec(budgets={"stock": 1})).trial(0, 1000)
    story.lock = "north"
    story.acquire("A", 0, 1).effect(5, "A")
    story.lock = "south"
    story.acquire("B", 0, 2).acquire("A", 10, 310, "fail")
    if crossed:
        story.lock = "north"
        story.acquire("B", 20, 400).release("B", 410, 411)
    story.lock = "north"
    story.release("A", 320, 321)
    story.lock = "south"
    return story.release("B", 450, 451)


def test_waiting_for_each_other_is_a_deadlock_that_the_limit_ended() -> None:
    from checker.case import cases

    caught = [case.record.deadlocks[case.number] for case in cases(circle(crossed=True).history())]
    assert caught == [0, 1]
    assert not any(case.record.deadlocks[case.number] for case in cases(circle(crossed=False).history()))
