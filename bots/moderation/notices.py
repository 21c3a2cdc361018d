"""What the bot tells an account: texts from the YAML with fields in braces."""

from string import Formatter

FIELDS = ("account", "channel", "rule", "evidence", "detail", "strikes", "mute_after", "minutes")
"""What a text may use, plainly and in braces: ``{detail}``."""

MAX_QUOTED = 200
"""Characters of one value that go into a text."""

MAX_NOTICE = 2_000
"""Characters of a filled text: a message has room for 8192 bytes, and a character takes up to four."""

MAX_TEMPLATE_LENGTH = 500


def check_template(name: str, template: str) -> None:
    """Raises ``ValueError``, naming the setting ``name``, for a text that could not be filled in or sent."""
    if not template or len(template) > MAX_TEMPLATE_LENGTH:
        raise ValueError(f"`{name}` has {len(template)} characters: write 1 to {MAX_TEMPLATE_LENGTH}")
    try:
        parts = [(field, form, conversion) for _, field, form, conversion in Formatter().parse(template)]
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}; write a brace that is meant as one twice: {{{{") from None
    for field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            raise ValueError(f"`{name}` has {{{field}}}: it may use {', '.join(FIELDS)}, plainly and in braces")


def fill(template: str, values: dict[str, str | float]) -> str:
    """The text with its fields filled in: each value cut at ``MAX_QUOTED`` characters, all at ``MAX_NOTICE``."""
    return template.format_map({name: _short(value) for name, value in values.items()})[:MAX_NOTICE]


def _short(value: str | float) -> str:
    if not isinstance(value, str):
        return f"{value:g}"
    return value if len(value) <= MAX_QUOTED else value[: MAX_QUOTED - 1] + "…"
