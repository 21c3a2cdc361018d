"""What the bot says: texts from the YAML with fields in braces."""

from string import Formatter

from msgspec import Struct

from botkit import ConfigError

FIELDS = ("account", "channel", "rule", "evidence", "detail", "strikes", "time", "case")
"""What a text may use, plainly and in braces: ``{detail}``. ``time`` is a duration, ``for good`` without an end."""

MAX_QUOTED = 200
"""Characters of one value that go into a text."""

MAX_NOTICE = 2_000
"""Characters of a filled text: a message has room for 8192 bytes, and a character takes up to four."""

MAX_TEMPLATE_LENGTH = 500
MAX_REASON_BYTES = 256
"""Of the reason of a sanction or a refusal, which the gateway passes on."""


class Texts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said, and to whom.

    To the account: ``warn``, ``mute``, ``kick``, ``ban``. To the channel: ``notice``. To moderators: ``alert``. As the
    reason of a sanction: ``reason``. To who wrote what is not delivered: ``drop``, ``hold`` (it is looked at by
    somebody), ``unjudged`` (nobody could judge it in time).
    """

    warn: str = "Please mind the rules of {channel}: {detail}. Your strikes: {strikes}."
    mute: str = "You are muted in {channel} {time}: {detail}."
    kick: str = "You were put out of {channel}: {detail}."
    ban: str = "You are banned {time}: {detail}."
    notice: str = "{account}, please mind the rules: {detail}."
    alert: str = "Case {case}: {account} in {channel}, rule {rule}: {detail}."
    reason: str = "{detail}"
    drop: str = "not delivered: {detail}"
    hold: str = "held for review: {detail}"
    unjudged: str = "not delivered: it could not be judged in time"

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            check_template(name, getattr(self, name))


def check_template(name: str, template: str) -> None:
    """Raises ``ConfigError``, naming the setting ``name``, for a text that could not be filled in or sent."""
    if not template or len(template) > MAX_TEMPLATE_LENGTH:
        raise ConfigError(f"has {len(template)} characters", key=name, hint=f"write 1 to {MAX_TEMPLATE_LENGTH}")
    try:
        parts = [(field, form, conversion) for _, field, form, conversion in Formatter().parse(template)]
    except ValueError as error:
        raise ConfigError(str(error), key=name, hint="write a brace that is meant as one twice: {{") from None
    for field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            hint = f"it may use {', '.join(FIELDS)}, plainly and in braces"
            raise ConfigError(f"there is no {{{field}}}", key=name, hint=hint)


def fill(template: str, values: dict[str, str | int]) -> str:
    """The text with its fields filled in: each value cut at ``MAX_QUOTED`` characters, all at ``MAX_NOTICE``."""
    return template.format_map({name: _short(str(value)) for name, value in values.items()})[:MAX_NOTICE]


def as_reason(text: str) -> str:
    """The text cut to what the gateway takes as a reason."""
    return text.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


def _short(value: str) -> str:
    return value if len(value) <= MAX_QUOTED else value[: MAX_QUOTED - 1] + "…"
