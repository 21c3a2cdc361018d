"""One command as its author declared it."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from botkit.app.commands.arguments import Argument, read_arguments
from botkit.app.injection import PerCall
from botkit.app.signatures import Signature, is_event, takes
from botkit.events import ChannelMessage, Event, InstantMessage
from botkit.routing.filters import Check, Filter

MESSAGES: tuple[type[ChannelMessage] | type[InstantMessage], ...] = (ChannelMessage, InstantMessage)


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """A command: its name and other names, who may use it, its arguments, and what help says about it.

    ``sources`` are those of its arguments, by the name of the parameter.
    """

    name: str
    aliases: tuple[str, ...]
    roles: tuple[str, ...]
    signature: Signature
    arguments: tuple[Argument, ...]
    sources: dict[str, PerCall]
    description: str

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.name, *self.aliases)

    @property
    def summary(self) -> str:
        """The first line of its description."""
        return self.description.partition("\n")[0]

    def usage(self, prefix: str) -> str:
        """How it is written: ``!mute <account> <time> [reason …]``."""
        return " ".join([f"{prefix}{self.name}", *(argument.shown for argument in self.arguments)])


def read_command(name: str, aliases: Sequence[str], roles: Sequence[str], signature: Signature) -> Command:
    """Read the arguments of a command's handler. Raises ``HandlerError`` with file and line."""
    if isinstance(aliases, str) or isinstance(roles, str):
        raise signature.place.error('aliases and roles are several words: write ("one",) for one')
    for one in (name, *aliases):
        if not one or not one.isprintable() or any(character.isspace() for character in one):
            raise signature.place.error(f"a command's name is one word of visible characters, got {one!r}")
    arguments = read_arguments(signature)
    sources = {argument.name: PerCall(("argument", argument.name)) for argument in arguments}
    description = inspect.getdoc(signature.function) or ""
    return Command(name, tuple(aliases), tuple(roles), signature, arguments, sources, description)


def events_of(signature: Signature) -> tuple[type[Event], ...]:
    """The messages in which the command is: those that its event parameters take, both without one."""
    events = [one.annotation for one in signature.parameters if is_event(one.annotation)]
    found = tuple(one for one in MESSAGES if all(takes(annotation, one) for annotation in events))
    if not found:
        raise signature.place.error("a command comes in a ChannelMessage or an InstantMessage")
    return found


class CommandFilter(Filter):
    """Messages that begin with the prefix and one of the names, and a blank or nothing behind it."""

    def __init__(self, prefix: str, names: Sequence[str]) -> None:
        self._words = tuple(f"{prefix}{name}" for name in names)

    def compile(self, event_type: type[Event]) -> Check:
        """A cheap look at the beginning first: most messages are no command."""
        if event_type not in MESSAGES:
            raise ValueError(f"a command is in a message, which {event_type.__name__} is not")
        words = self._words

        def check(event: Event) -> bool:
            assert isinstance(event, MESSAGES)
            return event.text.startswith(words) and event.text.split(None, 1)[0] in words

        return check
