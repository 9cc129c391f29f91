"""Sequential models of stores: a register or one key of a key-value store, and several registers at once.

Most values make no difference. What nobody reads, and nothing that is read begins with, is one state (UNSEEN), and a
ghost that only leads there need not be tried. And where only one operation appends some element, it must have appended
it to just what stands before it in a list that was read. :meth:`Register.among` finds out about a history's values.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from checker.search.models import Action, State
from checker.search.values import EMPTY, NOTHING, UNSEEN, Do, Transaction, appended, pieces, sees

Done = tuple[Do, bool]
"""Something done to a value, and whether by a ghost."""


class Register:
    """One value that can be read, written, compared and set, and appended to. State: the value as text.

    ``lists``: an empty list and nothing are the same. ``seen``: all values anybody reads or compares with, None to tell
    all values apart; with ``prefixes`` also what they begin with. ``denied``: whether anybody finds that it was *not* a
    value. ``placed``: by piece, the value it must have been appended to.
    """

    def __init__(
        self,
        initial: str = NOTHING,
        *,
        lists: bool = False,
        seen: Iterable[str] | None = None,
        prefixes: bool = True,
        denied: bool = True,
        placed: Mapping[str, str] | None = None,
    ) -> None:
        self.lists = lists
        self.prefixes = prefixes
        self.denied = denied
        self.placed = placed or {}
        self._seen = None if seen is None else sorted({self.plain(value) for value in seen})
        self._kept: dict[str, str] = {UNSEEN: UNSEEN}
        self.initial = self.keep(initial)
        self.foresees = bool(self.placed)

    def plain(self, value: str) -> str:
        """The value as it is compared with others."""
        return EMPTY if self.lists and value == NOTHING else value

    def keep(self, value: str) -> str:
        """The value, or UNSEEN where nobody sees it."""
        if self._seen is None:
            return self.plain(value)
        known = self._kept.get(value)
        if known is None:
            plain = self.plain(value)
            # A list may begin with nothing.
            begins = self.prefixes and self._is_seen(EMPTY if plain == NOTHING else plain)
            known = self._kept[value] = plain if begins or self._is_seen(plain, whole=True) else UNSEEN
        return known

    def _is_seen(self, text: str, *, whole: bool = False) -> bool:
        """Whether a value that is seen begins with the text, or is it."""
        seen = self._seen or []
        place = bisect_left(seen, text)
        return place < len(seen) and (seen[place] == text if whole else seen[place].startswith(text))

    def step(self, state: str, action: Do) -> str | None:
        """See :class:`~checker.search.models.Model`."""
        match action.verb:
            case "read":
                return state if state == self.plain(action.value) else None
            case "write":
                return self.keep(action.value)
            case "cas":
                return self.keep(action.value) if state == self.plain(action.old) else None
            case "not":
                return state if state != self.plain(action.old) else None
            case _:
                placed = self.placed.get(action.value, state) == state
                return self.keep(appended(state, action.value)) if placed else None

    def pure(self, action: Do) -> bool:
        """Reads, and setting a value to itself."""
        return action.verb in {"read", "not"} or (action.verb == "cas" and action.value == action.old)

    def gains(self, before: str, after: str) -> bool:
        """A value that nobody sees is of no use, but to those who find that it was not another."""
        return before != after and (after != UNSEEN or self.denied)

    def covers(self, strong: Do, weak: Do) -> bool:
        """A write can always do what a compare-and-set to the same value can."""
        return strong.verb == "write" and weak.verb == "cas" and strong.value == weak.value

    def droppable(self, actions: Sequence[Do]) -> Iterator[tuple[int, ...]]:
        """What only reads; and what sets a value, with all that see that one, with all that see what these set, …"""
        yield from _droppable(self, actions, [[(0, action)] for action in actions])

    def among(self, starts: Sequence[str], done: Sequence[Done], *, whole: bool = True) -> Register:
        """See :class:`~checker.search.models.Model`. ``whole``: no action is part of a transaction."""
        verbs = {action.verb for action, _ in done}
        denied, prefixes = "not" in verbs, "append" in verbs
        placed = self._placed(starts, done) if prefixes else {}
        seen = {value for action, ghost in done if not (ghost and whole) for value in sees(action)}
        # What a ghost compares with counts only if it can lead to a value that is seen.
        waiting = [action for action, ghost in done if ghost and whole and action.verb == "cas"]
        while True:
            found = Register(
                self.initial, lists=self.lists, seen=seen, prefixes=prefixes, denied=denied, placed=placed
            )  # fmt: skip
            useful = [action for action in waiting if denied or found.keep(action.value) != UNSEEN]
            if not useful:
                return found
            seen |= {action.old for action in useful}
            waiting = [action for action in waiting if action not in useful]

    def _placed(self, starts: Sequence[str], done: Sequence[Done]) -> dict[str, str]:
        made = Counter(piece for state in starts for piece in pieces(state))
        for action, _ in done:
            if action.verb == "append":
                made[action.value] += 1
            elif action.verb in {"write", "cas"}:
                made.update(pieces(action.value))
        placed: dict[str, str] = {}
        for action, ghost in done:
            if action.verb == "read" and not ghost:
                before = EMPTY
                for piece in pieces(action.value):
                    # The first element may have been appended to an empty list, or to nothing.
                    if made[piece] == 1 and (self.lists or before != EMPTY):
                        placed.setdefault(piece, before)
                    before += piece
        return placed


class MultiRegister:
    """Several registers; a transaction does one thing after the other in a single instant. State: all values."""

    def __init__(self, cells: Sequence[Register]) -> None:
        self.cells = cells
        self.initial = tuple(cell.initial for cell in cells)
        self.foresees = any(cell.foresees for cell in cells)

    def step(self, state: tuple[str, ...], action: Transaction) -> State | None:
        """See :class:`~checker.search.models.Model`."""
        values = list(state)
        for number, done in action:
            after = self.cells[number].step(values[number], done)
            if after is None:
                return None
            values[number] = after
        return tuple(values)

    def pure(self, action: Transaction) -> bool:
        """Reads only."""
        return all(self.cells[number].pure(done) for number, done in action)

    def gains(self, before: tuple[str, ...], after: tuple[str, ...]) -> bool:
        """See :meth:`Register.gains`."""
        return any(cell.gains(*pair) for cell, *pair in zip(self.cells, before, after, strict=True))

    def covers(self, strong: Transaction, weak: Transaction) -> bool:
        """Compared where both touch only one register, and the same one."""
        (one, write), (other, cas) = strong[0], weak[0]
        return len(strong) == len(weak) == 1 and one == other and self.cells[one].covers(write, cas)

    def droppable(self, actions: Sequence[Transaction]) -> Iterator[tuple[int, ...]]:
        """See :meth:`Register.droppable`."""
        yield from _droppable(self, actions, actions)

    def among(self, starts: Sequence[State], done: Sequence[tuple[Transaction, bool]]) -> MultiRegister:
        """See :meth:`Register.among`."""
        own: list[list[Done]] = [[] for _ in self.cells]
        for action, ghost in done:
            for number, part in action:
                own[number].append((part, ghost))
        return MultiRegister(
            [
                cell.among([state[number] for state in starts], own[number], whole=False)
                for number, cell in enumerate(self.cells)
            ]
        )


def _droppable(
    model: Register | MultiRegister, actions: Sequence[Action], parts: Sequence[Sequence[tuple[int, Do]]]
) -> Iterator[tuple[int, ...]]:
    """Without them a value may stand longer than it did, but nobody left sees those that stood there instead.

    That is so only where nobody appends, and nobody finds that it was *not* a value; else only what reads.
    """
    yield from ((i,) for i, action in enumerate(actions) if model.pure(action))
    if any(done.verb in {"append", "not"} for part in parts for _, done in part):
        return
    seen_by: dict[tuple[int, str], list[int]] = {}
    for i, part in enumerate(parts):
        for number, done in part:
            for value in sees(done):
                seen_by.setdefault((number, value), []).append(i)
    for i, action in enumerate(actions):
        group = [i]
        # It grows while it is gone through.
        for member in group:
            made = [(number, done.value) for number, done in parts[member] if done.verb != "read"]
            group += dict.fromkeys(j for value in made for j in seen_by.get(value, ()) if j not in group)
        if not model.pure(action):
            yield tuple(sorted(group))
