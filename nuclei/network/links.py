"""Links: the directed, proxied TCP paths of a cluster, and what can be done to them, named by its effect.

A link runs from a source (a client site or a node) to a target (a node). Its *requests* flow towards the target, its
*replies* towards the source. Effects and what stands behind them:

- ``black-hole``: bytes vanish and a FIN does not cross, so neither side learns anything. Connections that lived through
  it are closed by the heal (a proxy cannot give lost bytes back); new ones work at once.
- ``stall``: bytes and FINs are kept and delivered after the heal, late commands included. Connections survive.
- ``close``: the listener goes away and every connection is closed both ways: peers learn at once. Always both streams.

A direct link (``packets.py``) has no proxy in it. There a black hole and a stall are the same: packets are dropped both
ways, and TCP sends them again after the heal. It cannot be closed, nor cut in one stream only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from .control import AlreadyThere, ProxyControl, ProxyControlError, ProxySpec, ProxyState, Toxic

if TYPE_CHECKING:
    from .packets import DirectLink, PacketFilter

How = Literal["black-hole", "stall", "close"]
Streams = Literal["both", "requests", "replies"]

_DIRECTIONS: dict[Streams, tuple[tuple[str, str], ...]] = {
    "both": (("requests", "upstream"), ("replies", "downstream")),
    "requests": (("requests", "upstream"),),
    "replies": (("replies", "downstream"),),
}

#: Longer than any trial; a heal ends it early.
_UNTIL_HEALED_MS = 24 * 3600 * 1000

#: Calls to one proxy server at a time. They are short, and the server answers them one after the other; several at a
#: time keep one that hangs from delaying the rest.
_PARALLEL = 8


class Link(msgspec.Struct, frozen=True):
    """A directed TCP path through the proxy; addresses are host:port as the proxy sees them."""

    source: str
    target: str
    listen: str
    upstream: str

    @property
    def name(self) -> str:
        """``source>target``, also the proxy's name."""
        return f"{self.source}>{self.target}"


class Cut(msgspec.Struct, frozen=True):
    """A cut that was asked for."""

    how: How
    streams: Streams = "both"


class Links:
    """The links of one cluster: ``links`` all on one proxy server, ``direct`` ones cut by ``packets``.

    Raises:
        ProxyControlError: two links have the same name.
    """

    def __init__(
        self,
        control: ProxyControl,
        links: Iterable[Link],
        direct: Iterable[DirectLink] = (),
        packets: PacketFilter | None = None,
    ) -> None:
        self.control = control
        self.links: dict[str, Link] = {}
        self._direct = {link.name: link for link in direct}
        self._packets = packets
        for link in (*links, *self._direct.values()):
            if link.name in self.links:
                raise ProxyControlError(
                    f"The link {link.name!r} is described twice; give every source and target once."
                )
            self.links[link.name] = link
        self._cuts: dict[str, Cut] = {}
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="links")

    def close(self) -> None:
        """End the threads that talk to the proxy. Restores nothing."""
        self._pool.shutdown()

    def establish(self) -> dict[str, ProxyState]:
        """Create the proxies of all links in one call; returns what the server made of them, by link name.

        Raises:
            ProxyControlError: an address cannot be listened on, or the proxy does not answer.
        """
        proxied = [link for link in self.links.values() if link.name not in self._direct]
        return self.control.populate([ProxySpec(link.name, link.listen, link.upstream) for link in proxied])

    def names(self, source: str | None = None, target: str | None = None) -> list[str]:
        """Names of the links from ``source`` and to ``target``; None stands for any."""
        return [
            link.name for link in self.links.values() if source in (None, link.source) and target in (None, link.target)
        ]

    def cut(self, names: Iterable[str], how: How = "black-hole", streams: Streams = "both") -> None:
        """Cut links. A link that is cut already is cut again: the same way repairs what is missing, another replaces.

        Raises:
            ProxyControlError: an unknown link or effect (then nothing was done), or some links could not be cut; the
                others are, and all of them count as cut until restored.
        """
        cut = _checked(how, streams)
        wanted = self._known(names)
        whole = streams == "both" and how != "close"
        if not whole and (direct := [name for name in wanted if name in self._direct]):
            raise ProxyControlError(
                f"No proxy stands in {direct[0]}: its packets can be dropped both ways, but it cannot be closed, nor "
                "cut in one stream; use black-hole."
            )
        changed = [name for name in wanted if self._cuts.get(name, cut) != cut]
        self._each(changed, self._restore, "restored before cutting anew")
        for name in wanted:
            self._cuts[name] = cut
        self._each(wanted, lambda name: self._apply(name, cut), f"cut ({how})")

    def restore(self, names: Iterable[str]) -> list[str]:
        """Take the cuts off links; links that are not cut are left alone.

        Returns:
            Names of the links whose proxy hung and was made anew.

        Raises:
            ProxyControlError: some links could not be restored; they still count as cut, the others are restored.
        """
        wanted = [name for name in self._known(names) if name in self._cuts]
        return [name for name, anew in self._each(wanted, self._restore, "restored") if anew]

    def restore_all(self) -> list[ProxyControlError]:
        """Restore every cut link as far as possible. Never raises; says what failed. May be called again."""
        try:
            self.restore(list(self._cuts))
        except ProxyControlError as error:
            return [error]
        return []

    def cut_now(self) -> dict[str, How]:
        """The links that are cut, and how."""
        return {name: cut.how for name, cut in self._cuts.items()}

    def lead(self, name: str, node: str) -> None:
        """Make the stable name ``name`` lead every site to ``node``, as an operator does by moving a virtual address:
        connections through it are closed, the next ones end there. A site whose own link to ``node`` is cut is on the
        other side of a partition, and hears nothing of it.

        Raises:
            ProxyControlError: there is no such name or node, or some sites could not be led there.
        """
        ways = {way: f"{self.links[way].source}>{node}" for way in self.names(target=name)}
        self._known(ways.values() or [name])
        open_ways = [way for way, link in ways.items() if link not in self._cuts]
        self._each(open_ways, lambda way: self._redirect(way, self.links[ways[way]].listen), f"led to {node}")

    def _redirect(self, way: str, upstream: str) -> bool:
        self.control.redirect(way, upstream)
        self.links[way] = msgspec.structs.replace(self.links[way], upstream=upstream)
        return False

    def _known(self, names: Iterable[str]) -> list[str]:
        wanted = list(dict.fromkeys(names))
        unknown = [name for name in wanted if name not in self.links]
        if unknown:
            raise ProxyControlError(
                f"No link is called {', '.join(map(repr, unknown))}. Links: {', '.join(self.links) or 'none'}."
            )
        return wanted

    def _apply(self, name: str, cut: Cut) -> bool:
        if self._packets is not None and name in self._direct:
            self._packets.drop(self._direct[name])
            return False
        if cut.how == "close":
            self.control.disable(name)
        for toxic in _toxics(cut):
            try:
                self.control.add_toxic(name, toxic)
            except AlreadyThere:  # the names are ours, so it is the same cut
                continue
        return False

    def _restore(self, name: str) -> bool:
        cut = self._cuts[name]
        if self._packets is not None and name in self._direct:
            self._packets.let(self._direct[name])
            del self._cuts[name]
            return False
        if cut.how == "close":
            self.control.enable(name)
        anew = [self.control.remove_toxic(name, toxic.name) for toxic in reversed(_toxics(cut))]
        del self._cuts[name]
        return any(anew)

    def _each(self, names: Sequence[str], work: Callable[[str], bool], done: str) -> list[tuple[str, bool]]:
        """Do ``work`` for all names in parallel, all of them whatever fails, then raise what failed in one sentence."""
        futures = {name: self._pool.submit(work, name) for name in names}
        results: list[tuple[str, bool]] = []
        failed: dict[str, ProxyControlError] = {}
        for name, future in futures.items():
            try:
                results.append((name, future.result()))
            except ProxyControlError as error:
                failed[name] = error
        if failed:
            first = next(iter(failed))
            raise ProxyControlError(
                f"{len(failed)} of {len(names)} links could not be {done} ({', '.join(failed)}). "
                f"First, {first}: {failed[first]}"
            ) from failed[first]
        return results


def _checked(how: str, streams: str) -> Cut:
    if how not in get_args(How) or streams not in get_args(Streams):
        raise ProxyControlError(
            f"A link cannot be cut by {how!r} on {streams!r}; "
            f"effects: {', '.join(get_args(How))}; streams: {', '.join(get_args(Streams))}."
        )
    if how == "close" and streams != "both":
        raise ProxyControlError("A link can only be closed in both streams; use black-hole or stall for one of them.")
    return Cut(how, streams)  # type: ignore[arg-type]


def _toxics(cut: Cut) -> list[Toxic]:
    """The toxics of a cut, in the order they are added; they come off in reverse.

    The one that masks a FIN stands behind the one that holds or drops the bytes, and goes first at the heal: the
    original loses track of the toxics behind one that has closed its end, and then they can never be removed.
    """
    effects: dict[str, tuple[str, dict[str, int]]] = {
        "black-hole": ("timeout", {"timeout": 0}),
        "stall": ("bandwidth", {"rate": 0}),
    }
    if cut.how not in effects:
        return []
    kind, attributes = effects[cut.how]
    directions = _DIRECTIONS[cut.streams]
    holding = [Toxic(f"cut.{word}", kind, stream, 1.0, attributes) for word, stream in directions]
    masking = [
        Toxic(f"cut.{word}.fin", "slow_close", stream, 1.0, {"delay": _UNTIL_HEALED_MS}) for word, stream in directions
    ]
    return [*holding, *masking]
