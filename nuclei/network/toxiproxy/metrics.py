"""Byte counters in Prometheus' text format, with the names and labels of the original's proxy metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

#: direction, listener, proxy, upstream
Labels = tuple[str, str, str, str]

_NAMES = ("direction", "listener", "proxy", "upstream")


class Traffic:
    """Bytes received from and sent to sockets, by labels. Counters outlive their proxies, as Prometheus wants."""

    def __init__(self) -> None:
        self.received: Counter[Labels] = Counter()
        self.sent: Counter[Labels] = Counter()

    def add(self, labels: Labels, received: int, sent: int) -> None:
        """Count what a connection moved."""
        self.received[labels] += received
        self.sent[labels] += sent

    def copy(self) -> Traffic:
        """An independent copy, to which the open connections' bytes can be added."""
        other = Traffic()
        other.received.update(self.received)
        other.sent.update(self.sent)
        return other

    def text(self) -> str:
        """The exposition."""
        lines: list[str] = []
        for name, counter in (("received", self.received), ("sent", self.sent)):
            lines.append(f"# HELP toxiproxy_proxy_{name}_bytes_total ")
            lines.append(f"# TYPE toxiproxy_proxy_{name}_bytes_total counter")
            lines.extend(_sample(f"toxiproxy_proxy_{name}_bytes_total", counter))
        return "\n".join(lines) + "\n"


def _sample(name: str, counter: Mapping[Labels, int]) -> list[str]:
    rows = []
    for labels, value in sorted(counter.items()):
        pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in zip(_NAMES, labels, strict=True))
        rows.append(f"{name}{{{pairs}}} {value}")
    return rows


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
