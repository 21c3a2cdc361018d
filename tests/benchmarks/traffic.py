"""Chat that is made up: the same for everybody, by a seed."""

import random
from collections.abc import Iterator

from bots.moderation.rules import Message
from bots.moderation.rules.settings import (
    AnyRule,
    CapsRule,
    CrossChannelRule,
    FloodRule,
    LinksRule,
    MentionsRule,
    NewJoinerRule,
    RegexRule,
    RepeatRule,
    WordsRule,
)

_SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "bu",
    "da",
    "de",
    "di",
    "do",
    "fa",
    "fe",
    "ga",
    "go",
    "ha",
    "he",
    "ka",
    "ke",
    "la",
    "le",
    "lo",
    "ma",
    "me",
    "mi",
    "no",
    "pa",
    "po",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "ta",
    "te",
]
_SHOWN = (
    "see https://example.org/page",
    "don't do that",
    "ok :)",
    "I'm at 10:30",
    "#help please",
    "WHAT IS IT?",
)
_HIDDEN = (
    "the c4s1no is open",
    "c a s i n o",
    "buy now!",
    "go to http://evil.example",
    "@ann @bob @eve @kim @joe @zoe",
)

PATTERNS = (
    *(r"\bfree\s+(?:money|tickets)\b", r"(?:\+?\d[\s-]?){9,}", r"\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b"),
    *(
        r"\bjoin\s+my\s+(?:server|channel)\b",
        r"\bwin\s+\d+\b",
        r"\bcheap\s+\w+s\b",
        r"\bcall\s+now\b",
        r"\bonly\s+today\b",
    ),
)


def word(draw: random.Random) -> str:
    """Something like a word."""
    return "".join(draw.choice(_SYLLABLES) for _ in range(draw.randint(1, 4)))


def words_rule(count: int) -> WordsRule:
    """A list of ``count`` words, of which two are ever said."""
    draw = random.Random("listed")
    listed = {f"{word(draw)}x{word(draw)}" for _ in range(count - 2)}
    return WordsRule(id="words", words=("casino", "buy now", *sorted(listed)))


def all_rules() -> tuple[AnyRule, ...]:
    """A rule of each kind that judges messages by itself."""
    return (
        words_rule(1_000),
        RegexRule(id="patterns", patterns=PATTERNS),
        LinksRule(id="links", allowed=("example.org",)),
        MentionsRule(id="mentions"),
        CapsRule(id="caps"),
        FloodRule(id="flood"),
        RepeatRule(id="repeat"),
        NewJoinerRule(id="joiners"),
        CrossChannelRule(id="spray"),
    )


def messages(count: int, *, channels: int, per_second: float) -> Iterator[Message]:
    """So many messages in all, evenly over ``channels``; one in 200 is to be objected to."""
    draw = random.Random("said")
    vocabulary = [word(draw) for _ in range(3_000)]
    for number in range(count):
        text = " ".join(draw.choices(vocabulary, k=draw.randint(2, 14)))
        if number % 200 == 0:
            text = f"{text} {_HIDDEN[number // 200 % len(_HIDDEN)]}"
        elif number % 4 == 0:
            text = f"{draw.choice(_SHOWN)} {text}"
        channel, account = f"room-{number % channels}", f"user{draw.randrange(20_000)}"
        yield Message(channel=channel, account=account, text=text, ms=round(1000 * number / per_second))
