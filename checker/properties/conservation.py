"""Conservation: nobody gets more out of a resource than was in it: paid ≤ budget, sold ≤ stock, counters ≥ 0.

Where the ledger has a counter of the resource's name, its last value should be what is left. By how much these books
are wrong is told, and the updates that were lost are judged by :mod:`checker.properties.lost_update`. An effect whose
counter was never written (its client died in between) makes them wrong too, but no lock could have prevented it.

Counted in the resource's own order of effects and in whole units of the smallest decimal place that occurs, so three
times 0.1 is 0.3. A resource is judged over all its effects, under whichever locks, in the case of the first such lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from msgspec.structs import replace

from checker.case import Case
from checker.holders import of_holders
from checker.verdict import Figure, Verdict, WitnessEvent, vacuous, valid
from checker.witness import in_order, of_faults
from histories.rows import Effect
from histories.spec import Spec, Wording

NAME = "conservation"
READING = "the resource's own order of effects"


@dataclass(frozen=True)
class Account:
    """A resource's effects in order, and what had been taken after each, as whole numbers of which ``unit`` make one.
    ``clients``: how many client processes had effects. ``excess``: by how much the books show more than is left (less:
    negative), None where there are none."""

    resource: str
    effects: list[Effect]
    taken: list[int]
    budget: int
    largest: int
    unit: int
    clients: int
    wording: Wording
    excess: int | None

    @property
    def wrong(self) -> int | None:
        """The first effect after which more was taken than there was, or less than nothing."""
        return next((at for at, sum_ in enumerate(self.taken) if not 0 <= sum_ <= self.budget), None)

    @property
    def ran_short(self) -> bool:
        """Whether one more effect as large as the largest would have gone over the budget."""
        return max(self.taken) + self.largest > self.budget

    @property
    def left(self) -> int:
        """What is left of it, by its effects."""
        return self.budget - self.taken[-1]

    @property
    def over(self) -> int:
        """By how much the budget was exceeded at the most."""
        return max(0, max(0, *self.taken) - self.budget)

    def said(self, amount: int) -> float | int:
        """An amount as a number."""
        return amount // self.unit if amount % self.unit == 0 else amount / self.unit

    def text(self, amount: int) -> str:
        """An amount as people write it."""
        return f"{self.said(amount):,}"

    def tally(self, named: bool) -> str:
        """What it came to, with the resource's name where there are several."""
        said = f"{self.wording.taken} {self.text(self.taken[-1])} of {self.text(self.budget)}"
        said += f" from {self.resource}" if named else ""
        said += f": {self.wording.over} by {self.text(self.over)}" if self.over else ""
        said += f": {self.text(self.left)} {self.wording.left}" if self.left > 0 and self.wording.left else ""
        if self.excess and (not self.over or self.left + self.excess > 0):
            said += f"{', and' if self.over else ':'} the books say {self.text(self.left + self.excess)} is left"
            said += f", not {self.text(self.left)}" if self.left >= 0 else ""
        return said


def applies(spec: Spec) -> bool:
    """Where the spec names budgets."""
    return bool(spec.budgets)


def judge(case: Case) -> Verdict | None:
    """Judge the resources of this case; None where they are all judged in other cases.

    A trial shows nothing of a resource that fewer than two clients took from, or that never ran short.
    """
    accounts, untouched = _accounts(case)
    if not accounts and not untouched:
        return None
    figures = _figures(accounts)
    broken = [(account.effects[at].t, at, account) for account in accounts if (at := account.wrong) is not None]
    tally = _tally(case, accounts, figures)
    if broken:
        _, at, account = min(broken, key=lambda entry: entry[:2])
        return replace(_invalid(case, account, at, figures), tally=tally)
    told = [account for account in accounts if account.clients > 1 and account.ran_short]
    if not told:
        why = "; ".join([*map(_missing, accounts), *(f"nothing was ever taken from {name}" for name in untouched)][:3])
        return vacuous(NAME, case.lock, why, assumptions=[READING], figures=figures, tally=tally)
    chance = "; ".join(f"{_share(account)} by {account.clients} clients" for account in told[:3])
    more = len(accounts) + len(untouched) - len(told)
    chance += f"; {len(told) - 3} others likewise" if len(told) > 3 else ""
    chance += f"; {more} resources were not contended or never ran short" if more else ""
    sentence = f"nobody took more than there was: {chance}"
    return valid(NAME, case.lock, sentence, chance, assumptions=[READING], figures=figures, tally=tally)


def _accounts(case: Case) -> tuple[list[Account], list[str]]:
    """(the resources with a budget that are judged here, in order of the spec; those nobody took from, in the first
    case)."""
    mine = case.record.effects.get(case.number, {})
    known = {name for resources in case.record.effects.values() for name in resources}
    budgets = case.spec.budgets
    accounts = [_account(case, name, mine[name], budget) for name, budget in budgets.items() if name in mine]
    return accounts, [name for name in budgets if name not in known and case.number == 0]


def _account(case: Case, resource: str, effects: list[Effect], budget: float) -> Account:
    (limit, *amounts), unit = _whole([budget, *(row.amount for row in effects)])
    clients = len({case.lives.process(row.client) for row in effects})
    taken = list(accumulate(amounts))
    books = case.record.counters.get(resource)
    excess = None if books is None else round(books[-1].value[resource] * unit) - limit + taken[-1]
    wording = case.spec.wording.get(resource, Wording())
    return Account(resource, effects, taken, limit, max(amounts), unit, clients, wording, excess)


def _whole(amounts: Sequence[float]) -> tuple[list[int], int]:
    """Amounts as whole numbers of a unit, and how many of that unit make one. Exact for numbers as they are written."""
    if all(float(amount).is_integer() for amount in amounts):
        return [int(amount) for amount in amounts], 1
    decimals = [Decimal(repr(amount)) for amount in amounts]
    places = max(-int(number.as_tuple().exponent) for number in decimals)
    return [int(number.scaleb(places)) for number in decimals], 10**places


def _share(account: Account) -> str:
    share = f"{account.text(account.taken[-1])} of {account.text(account.budget)} {account.wording.taken}"
    return f"{share} from {account.resource} in {len(account.effects):,} effects"


def _missing(account: Account) -> str:
    if account.clients < 2:
        return f"only one client took from {account.resource}"
    return f"{account.resource} never ran short ({_share(account)})"


def _tally(case: Case, accounts: Sequence[Account], figures: dict[str, Figure]) -> str | None:
    """What it came to; adds to ``figures`` how many waits for this lock ended in a deadlock, where any did."""
    said = [account.tally(len(case.spec.budgets) > 1) for account in accounts[:3]]
    if caught := case.record.deadlocks[case.number]:
        figures["deadlocks"] = caught
        said.append(f"{caught:,} wait{'s' * (caught != 1)} for {case.lock} ended in a deadlock, by the waiting limit")
    return "; ".join(said) or None


def _figures(accounts: Sequence[Account]) -> dict[str, Figure]:
    """Over all resources of the case; ``over_by``: by how much budgets were exceeded at the most; ``effects_over``: how
    many effects left a resource in that state (or below nothing); ``books_off_by``: by how much counters are wrong."""

    def total(amounts: Sequence[float]) -> Figure:
        return round(sum(amounts), 9)

    books: dict[str, Figure] = {}
    if any(account.excess is not None for account in accounts):
        books["books_off_by"] = total([account.said(abs(account.excess or 0)) for account in accounts])
    return books | {
        "effects": sum(len(account.effects) for account in accounts),
        "taken": total([account.said(account.taken[-1]) for account in accounts]),
        "budget": total([account.said(account.budget) for account in accounts]),
        "over_by": total([account.said(account.over) for account in accounts]),
        "effects_over": sum(not 0 <= taken <= account.budget for account in accounts for taken in account.taken),
    }


def _invalid(case: Case, account: Account, at: int, figures: dict[str, Figure]) -> Verdict:
    """The effect that went over, the one before it where another attempt had that, and who was inside meanwhile."""
    row, taken = account.effects[at], account.taken[at]
    before = account.taken[at - 1] if at else 0
    if taken < 0:
        kind, what = "below-zero", f"gave {account.text(before - taken)} back to"
    else:
        kind, what = "over-budget", f"took {account.text(taken - before)} from"
    sentence = (
        f"{row.client or 'somebody'} {what} {account.resource} when {account.text(before)} of "
        f"{account.text(account.budget)} were taken"
    )
    if kind == "over-budget":
        sentence += f": {account.text(taken - account.budget)} more than there was"
    alone = at == 0 or account.effects[at - 1].attempt == row.attempt
    events = [_event(case, account, place) for place in range(at if alone else at - 1, at + 1)]
    holders = of_holders(case, row.attempt, row.lock, row.t)
    start = min(event.t for event in events)
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=sentence,
        lock=case.lock,
        kind=kind,
        witness=in_order([*events, *holders, *of_faults(case, start, row.t)]),
        faults=case.in_force(start, row.t),
        assumptions=[READING],
        figures=figures,
    )


def _event(case: Case, account: Account, at: int) -> WitnessEvent:
    row = account.effects[at]
    before = account.taken[at - 1] if at else 0
    amount = account.text(abs(account.taken[at] - before))
    verb = f"takes {amount} from" if account.taken[at] >= before else f"gives {amount} back to"
    said = f"{verb} {row.resource} ({account.text(account.taken[at])} of {account.text(account.budget)} taken)"
    return case.event(row.t, row.client, said, "effect", row.attempt)
