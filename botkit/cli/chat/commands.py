"""What can be typed: text to send, or a command that begins with a slash."""

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct


class Say(Struct, frozen=True):
    """Send to the channel."""

    text: str


class Message(Struct, frozen=True):
    """Send to one account."""

    account: str
    text: str


class Join(Struct, frozen=True):
    """Go to another channel."""

    channel: str


class StartCall(Struct, frozen=True):
    """Invite an account to a call."""

    account: str
    channel: str
    extra: str = ""


class Accept(Struct, frozen=True):
    """Take the latest call."""

    extra: str = ""


class Refuse(Struct, frozen=True):
    """Decline the latest call."""

    extra: str = ""


class Press(Struct, frozen=True):
    """Send digits in the latest call."""

    digits: str


class EndCall(Struct, frozen=True):
    """End the latest call."""


class Who(Struct, frozen=True):
    """List the channel's members."""


class ShowAttributes(Struct, frozen=True):
    """List the channel's attributes."""


class ShowAttribute(Struct, frozen=True):
    """Show one attribute of the channel."""

    name: str


class SetAttribute(Struct, frozen=True):
    """Set an attribute of the channel."""

    name: str
    value: str


class RemoveAttribute(Struct, frozen=True):
    """Remove an attribute of the channel."""

    name: str


class Help(Struct, frozen=True):
    """List the commands."""


class Quit(Struct, frozen=True):
    """Log out."""


class Nothing(Struct, frozen=True):
    """An empty line."""


Command: TypeAlias = (
    Say
    | Message
    | Join
    | StartCall
    | Accept
    | Refuse
    | Press
    | EndCall
    | Who
    | ShowAttributes
    | ShowAttribute
    | SetAttribute
    | RemoveAttribute
    | Help
    | Quit
    | Nothing
)


class UsageError(Exception):
    """What was typed is no command; the text says how it is written."""


class _Form(Struct, frozen=True):
    """How a command is written. ``least`` to ``most`` words follow it, the last of them with all the rest."""

    usage: str
    meaning: str
    make: Callable[..., Command]
    least: int = 0
    most: int = 0


def _attribute(name: str = "", value: str = "") -> Command:
    if value:
        return SetAttribute(name, value)
    return ShowAttribute(name) if name else ShowAttributes()


FORMS = {
    "/msg": _Form("/msg ACCOUNT TEXT", "send to one account", Message, 2, 2),
    "/join": _Form("/join CHANNEL", "go to another channel", Join, 1, 1),
    "/call": _Form("/call ACCOUNT CHANNEL [JSON]", "invite to a call", StartCall, 2, 3),
    "/accept": _Form("/accept [JSON]", "take the latest call", Accept, 0, 1),
    "/refuse": _Form("/refuse [JSON]", "decline the latest call", Refuse, 0, 1),
    "/dtmf": _Form("/dtmf DIGITS", "press 0-9, * or # in the latest call", Press, 1, 1),
    "/end": _Form("/end", "end the latest call", EndCall),
    "/who": _Form("/who", "list who is in the channel", Who),
    "/attr": _Form("/attr [NAME [VALUE]]", "show the channel's attributes, or one, or set one", _attribute, 0, 2),
    "/unattr": _Form("/unattr NAME", "remove one of the channel's attributes", RemoveAttribute, 1, 1),
    "/help": _Form("/help", "list the commands", Help),
    "/quit": _Form("/quit", "log out", Quit),
}


def parse(line: str) -> Command:
    """What a typed line means; ``//`` at its beginning sends a text that begins with one slash.

    Raises ``UsageError`` for an unknown command and for missing or superfluous words.
    """
    if not line.strip():
        return Nothing()
    if not line.startswith("/"):
        return Say(line)
    if line.startswith("//"):
        return Say(line[1:])
    name, *rest = line.split(maxsplit=1)
    form = FORMS.get(name)
    if form is None:
        raise UsageError(f"there is no {name}: /help lists the commands")
    words = rest[0].split(maxsplit=max(form.most - 1, 0)) if rest else []
    if not form.least <= len(words) <= form.most:
        raise UsageError(f"write {form.usage}")
    return form.make(*words)


def help_lines() -> list[str]:
    """One line for each command."""
    return [f"{form.usage:<30}{form.meaning}" for form in FORMS.values()]
