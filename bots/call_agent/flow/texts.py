"""Texts with variables in them: ``Your order {order} is on its way.``"""

import re
from collections.abc import Mapping

BUILT_IN = frozenset({"caller", "channel", "outcome", "human", "waited"})
"""Variables that every flow has: who calls, where; and of the last ``queue`` or ``transfer`` how it went, who took the
caller, and after how many seconds. ``extra.KEY`` is what the invitation carries under that key."""

MAX_VALUE = 500
"""Characters of a variable; what is longer is cut. So the longest message is known when a flow is loaded."""

EXTRA = "extra."

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def is_name(text: str) -> bool:
    """Whether a variable, a block or a queue may be called so."""
    return _NAME.fullmatch(text) is not None


def names_in(text: str) -> list[str]:
    """The variables in a text, in their order."""
    return _VARIABLE.findall(text)


def has_stray_brace(text: str) -> bool:
    """Whether a brace in it belongs to no variable, such as in ``{order is on its way``."""
    return "{" in (rest := _VARIABLE.sub("", text)) or "}" in rest


def fill(text: str, variables: Mapping[str, str]) -> str:
    """The text with the values in their places; what has no value is empty."""
    return _VARIABLE.sub(lambda found: variables.get(found[1], "")[:MAX_VALUE], text)


def longest(text: str) -> int:
    """How many bytes of UTF-8 it can become, at most."""
    return len(_VARIABLE.sub("", text).encode()) + 4 * MAX_VALUE * len(names_in(text))
