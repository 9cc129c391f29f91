"""Text from histories is hostile until it was made harmless: it goes to terminals and CI logs.

Control characters move cursors and colours, bidirectional controls reorder what is read, and a line that begins with
``::`` is a command to GitHub Actions (``##[`` and ``##vso[`` to Azure Pipelines). None of them survives.
"""

from __future__ import annotations

import re

_COMMAND = re.compile(r"^(\s*)(::|##)", re.MULTILINE)


def harmless(text: str) -> str:
    """The text on as many lines as it has, with everything that cannot be printed shown as ``\\u....``."""
    shown = "".join(char if char == "\n" or char.isprintable() else _spelled(char) for char in text)
    return _COMMAND.sub(lambda match: f"{match[1]}{'. '.join(match[2])}", shown)


def one_line(text: str) -> str:
    """Harmless and on one line."""
    return harmless(text.replace("\n", "\\n"))


def _spelled(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
