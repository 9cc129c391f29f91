"""A link that is one of several between the same two nodes, told apart by the target's port."""

from __future__ import annotations

from nuclei.network.links import Link


class PortLink(Link, frozen=True):
    """A link with an optional label in its name: ``zk-1>zk-2.3881``.

    Whoever wants the two ends asks for ``source`` and ``target``, never takes the name apart.
    """

    label: str = ""

    @property
    def name(self) -> str:
        """``source>target`` or ``source>target.label``, also the proxy's name."""
        return f"{self.source}>{self.target}{'.' if self.label else ''}{self.label}"
