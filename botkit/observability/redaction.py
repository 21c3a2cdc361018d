"""Keeps secrets out of the logs, whoever logs them."""

import re
from collections.abc import Mapping

SECRET_KEYS = frozenset({"token", "certificate", "secret", "password"})
"""Field names whose values are never logged, alone or as the last word (``app_certificate``)."""

REDACTED = "[redacted]"

_MAX_DEPTH = 8

_TOKEN = re.compile(r"\b(?:1:[^:\s]{1,128}:\d{1,12}:[0-9a-f]{32}|2:[^:\s]{1,128}:\d{1,12}:[a-z]{1,16}:[0-9a-f]{64})\b")
"""A token of version 1 (the vendor's) or 2 (ours), wherever in a text: the one secret with a form of its own."""


def is_secret(key: str) -> bool:
    """Whether values under this name are secrets."""
    return key.lower().replace("-", "_").rpartition("_")[2] in SECRET_KEYS


def redact(value: object, depth: int = 0) -> object:
    """``value`` with secrets replaced, in mappings and sequences down to a depth of 8; deeper is cut off.

    Keys become text, so that the answer can always be written as JSON.
    """
    if isinstance(value, str):
        return _TOKEN.sub(REDACTED, value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(key): REDACTED if item and is_secret(str(key)) else redact(item, depth + 1)
            for key, item in value.items()
        }
    return [redact(item, depth + 1) for item in value]
