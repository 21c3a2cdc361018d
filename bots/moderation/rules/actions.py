"""What may be done about somebody, as it is written in a file: ``mute 10m everywhere``."""

import re
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

Verb: TypeAlias = Literal["alert", "notice", "hold", "warn", "slow", "strike", "quarantine", "mute", "kick", "ban"]
VERBS: tuple[Verb, ...] = get_args(Verb)
"""From the mildest to the hardest; a strike may lead to any. It decides which verdict on a message is carried out."""

MAX_SECONDS = 365 * 86_400
MAX_RATE = 200
EVERYWHERE = "everywhere"

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,3})?[smhdw])+")
_PART = re.compile(r"([\d.]+)([smhdw])")
_FORMS: dict[Verb, str] = {
    "strike": "strike",
    "alert": "alert",
    "notice": "notice",
    "hold": "hold",
    "warn": "warn",
    "slow": "slow RATE [DURATION]",
    "quarantine": "quarantine",
    "mute": "mute [DURATION] [everywhere]",
    "kick": "kick",
    "ban": "ban [DURATION]",
}


class Action(Struct, frozen=True):
    """Something to do. ``seconds`` 0: until it is lifted; ``rate``: messages a second that are left to a channel."""

    verb: Verb
    seconds: float = 0
    rate: int = 0
    everywhere: bool = False

    def __str__(self) -> str:
        rate, seconds = str(self.rate) if self.rate else "", format_seconds(self.seconds) if self.seconds else ""
        words = [str(self.verb), rate, seconds, EVERYWHERE if self.everywhere else ""]
        return " ".join(word for word in words if word)


def parse_action(text: str) -> Action:
    """The action that ``text`` names. Raises ``ValueError`` that says what would be right."""
    name, *words = text.split() or [""]
    verb = next((verb for verb in VERBS if verb == name), None)
    if verb is None:
        raise ValueError(f"{text!r} is no action: write one of {', '.join(VERBS)}")
    rate, everywhere = 0, False
    if verb == "slow" and words and words[0].isascii() and words[0].isdigit():
        rate = int(words.pop(0))
        if not 1 <= rate <= MAX_RATE:
            raise ValueError(f"{text!r}: a channel is slowed to 1 to {MAX_RATE} messages a second")
    if verb == "mute" and words and words[-1] == EVERYWHERE:
        everywhere = bool(words.pop())
    seconds = parse_seconds(words.pop(0)) if words and verb in ("slow", "mute", "ban") else 0.0
    if words or (verb == "slow" and not rate):
        raise ValueError(f"{text!r} is not understood: write {_FORMS[verb]}, with a duration such as 90s, 10m or 1h30m")
    return Action(verb, seconds, rate, everywhere)


def parse_seconds(text: str) -> float:
    """``1h30m`` as seconds, more than 0 and at most a year. Raises ``ValueError``."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration: write one such as 90s, 10m, 1h30m, 2d or 1w")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"{text!r}: a duration is more than nothing and at most a year")
    return seconds


def format_seconds(seconds: float) -> str:
    """Seconds as ``1h30m``; a part of a second with up to three digits."""
    text, left = "", round(seconds * 1000)
    for unit in ("d", "h", "m"):
        count, left = divmod(left, _UNITS[unit] * 1000)
        text += f"{count}{unit}" if count else ""
    return f"{text}{left / 1000:g}s" if left or not text else text
