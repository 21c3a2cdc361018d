"""What people write is theirs: how much of it logs and traces show."""

from hashlib import sha256
from typing import Literal, TypeAlias

TextPolicy: TypeAlias = Literal["full", "hash", "none"]
"""``full``: the beginning of a text. ``hash``: enough to find a text that one knows. ``none``: its length."""

SHOWN = 80
"""Characters of a text that is shown in full."""


def show_text(text: str, policy: TextPolicy) -> str:
    """A text as a log may have it; empty for an empty one."""
    if not text:
        return ""
    if policy == "full":
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    size = f"{len(text)} characters"
    return f"{size}, {text_hash(text)}" if policy == "hash" else size


def text_hash(text: str) -> str:
    """The same for the same text, and hardly for another."""
    return f"#{sha256(text.encode(errors='surrogatepass')).hexdigest()[:12]}"
