"""Conservation: nobody gets more out of a resource than was in it: paid ≤ budget, sold ≤ stock, counters ≥ 0.

Counted in the resource's own order of effects and in whole units of the smallest decimal place that occurs, so three
times 0.1 is 0.3. A resource is judged over all its effects, under whichever locks, in the case of the first such lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from checker.case import Case
from checker.holders import of_holders
from checker.verdict import Figure, Verdict, WitnessEvent, vacuous, valid
from checker.witness import in_order, of_faults
from histories.rows import Effect
from histories.spec import Spec

NAME = "conservation"
READING = "the resource's own order of effects"


@dataclass(frozen=True)
class Account:
    """A resource's effects in order, and what had been taken after each, as whole numbers of which ``unit`` make one.
    ``clients``: how many client processes had effects."""

    resource: str
    effects: list[Effect]
    taken: list[int]
    budget: int
    largest: int
    unit: int
    clients: int

    @property
    def wrong(self) -> int | None:
        """The first effect after which more was taken than there was, or less than nothing."""
        return next((at for at, sum_ in enumerate(self.taken) if not 0 <= sum_ <= self.budget), None)

    @property
    def ran_short(self) -> bool:
        """Whether one more effect as large as the largest would have gone over the budget."""
        return max(self.taken) + self.largest > self.budget

    def said(self, amount: int) -> float | int:
        """An amount as people write it."""
        return amount // self.unit if amount % self.unit == 0 else amount / self.unit


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
    if broken:
        _, at, account = min(broken, key=lambda entry: entry[:2])
        return _invalid(case, account, at, figures)
    told = [account for account in accounts if account.clients > 1 and account.ran_short]
    if not told:
        why = "; ".join([*map(_missing, accounts), *(f"nothing was ever taken from {name}" for name in untouched)][:3])
        return vacuous(NAME, case.lock, why, assumptions=[READING], figures=figures)
    chance = "; ".join(f"{_share(account)} by {account.clients} clients" for account in told[:3])
    more = len(accounts) + len(untouched) - len(told)
    chance += f"; {len(told) - 3} others likewise" if len(told) > 3 else ""
    chance += f"; {more} resources were not contended or never ran short" if more else ""
    sentence = f"nobody took more than there was: {chance}"
    return valid(NAME, case.lock, sentence, chance, assumptions=[READING], figures=figures)


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
    return Account(resource, effects, list(accumulate(amounts)), limit, max(amounts), unit, clients)


def _whole(amounts: Sequence[float]) -> tuple[list[int], int]:
    """Amounts as whole numbers of a unit, and how many of that unit make one. Exact for numbers as they are written."""
    if all(float(amount).is_integer() for amount in amounts):
        return [int(amount) for amount in amounts], 1
    decimals = [Decimal(repr(amount)) for amount in amounts]
    places = max(-int(number.as_tuple().exponent) for number in decimals)
    return [int(number.scaleb(places)) for number in decimals], 10**places


def _share(account: Account) -> str:
    taken, budget = account.said(account.taken[-1]), account.said(account.budget)
    return f"{taken} of {budget} taken from {account.resource} in {len(account.effects)} effects"


def _missing(account: Account) -> str:
    if account.clients < 2:
        return f"only one client took from {account.resource}"
    return f"{account.resource} never ran short ({_share(account)})"


def _figures(accounts: Sequence[Account]) -> dict[str, Figure]:
    """Over all resources of the case; ``over_by``: by how much budgets were exceeded at the most; ``effects_over``: how
    many effects left a resource in that state (or below nothing)."""

    def total(amounts: Sequence[float]) -> Figure:
        return round(sum(amounts), 9)

    over = [max(0, *account.taken) - account.budget for account in accounts]
    return {
        "effects": sum(len(account.effects) for account in accounts),
        "taken": total([account.said(account.taken[-1]) for account in accounts]),
        "budget": total([account.said(account.budget) for account in accounts]),
        "over_by": total([account.said(max(0, by)) for account, by in zip(accounts, over, strict=True)]),
        "effects_over": sum(not 0 <= taken <= account.budget for account in accounts for taken in account.taken),
    }


def _invalid(case: Case, account: Account, at: int, figures: dict[str, Figure]) -> Verdict:
    """The effect that went over, the one before it where another attempt had that, and who was inside meanwhile."""
    row, taken = account.effects[at], account.taken[at]
    before = account.taken[at - 1] if at else 0
    if taken < 0:
        kind, what = "below-zero", f"gave {account.said(before - taken)} back to"
    else:
        kind, what = "over-budget", f"took {account.said(taken - before)} from"
    sentence = (
        f"{row.client or 'somebody'} {what} {account.resource} when {account.said(before)} of "
        f"{account.said(account.budget)} were taken"
    )
    if kind == "over-budget":
        sentence += f": {account.said(taken - account.budget)} more than there was"
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
    amount = account.said(abs(account.taken[at] - before))
    verb = f"takes {amount} from" if account.taken[at] >= before else f"gives {amount} back to"
    said = f"{verb} {row.resource} ({account.said(account.taken[at])} of {account.said(account.budget)} taken)"
    return case.event(row.t, row.client, said, "effect", row.attempt)
