"""The desk at which a running bot's commands are taken: who may use them, what is wrong with them, and help."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from enum import Enum
from typing import TypeAlias, cast

import structlog
from structlog.typing import FilteringBoundLogger

from botkit.app.binding import Call
from botkit.app.commands.arguments import WrongArguments, parse_arguments
from botkit.app.commands.command import MESSAGES, Command
from botkit.app.commands.converters import SHOWN
from botkit.app.commands.durations import format_duration
from botkit.app.commands.roles import Roles
from botkit.app.commands.words import first_word
from botkit.app.context import Context
from botkit.app.meters import AppMeters
from botkit.events import ChannelMessage, CommandRefused, Event, InstantMessage
from botkit.routing.filters import Values
from botkit.wire.limits import MAX_MESSAGE_BYTES

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

Message: TypeAlias = ChannelMessage | InstantMessage
HELP = "help"
"""The name of the command that is there by itself, unless a bot has one of that name."""

OnRefused: TypeAlias = Callable[[CommandRefused, Context], Awaitable[None]]


class CommandDesk:
    """Takes the commands of one life of a bot. ``on_refused`` is told of each that its sender may not use."""

    def __init__(self, prefix: str, roles: Roles, meters: AppMeters, on_refused: OnRefused) -> None:
        self.prefix = prefix
        self._roles, self._meters, self._on_refused = roles, meters, on_refused
        self._commands: list[tuple[type[Event], Command]] = []

    @property
    def needs_help(self) -> bool:
        """Whether there are commands, and none of them is help."""
        return bool(self._commands) and not any(HELP in command.names for _, command in self._commands)

    def add(self, command: Command, event_type: type[Event]) -> None:
        """Let help know of a command that comes in messages of this type."""
        self._commands.append((event_type, command))

    def take(self, command: Command, inner: Call) -> Call:
        """``inner``, called with the arguments in the message, if the sender may use the command and they fit."""

        async def call(event: Event | None, context: Context, extras: Values) -> object:
            """Refuse, tell what the arguments should be, or call."""
            assert isinstance(event, MESSAGES)
            if not self.may_use(command, event.account):
                await self._refuse(command, event, context)
                return None
            try:
                values = parse_arguments(command.arguments, event.text, len(first_word(event.text)))
            except WrongArguments as error:
                await _tell(context, event, [f"{error}", f"usage: {command.usage(self.prefix)}"])
                return None
            if command.roles:
                context.log.info("command used", command=command.name, by=event.account)
            keyed = {command.sources[name].key: value for name, value in values.items()}
            return await cast("Awaitable[object]", inner(event, context, {**extras, **keyed}))

        return call

    def may_use(self, command: Command, account: str) -> bool:
        """Whether the account has one of the roles that the command is for."""
        return not command.roles or self._roles.has_one(account, command.roles)

    async def show_help(
        self, message: ChannelMessage | InstantMessage, ctx: Context, command: str | None = None
    ) -> None:
        """Lists the commands that you may use here, or says more about one."""
        usable = {
            name: one
            for event_type, one in self._commands
            if type(message) is event_type and self.may_use(one, message.account)
            for name in one.names
        }
        if command is None:
            lines = [self._line(one) for one in dict.fromkeys(usable.values())]
            await _tell(ctx, message, ["what you can write here:", *lines])
            return
        wanted = usable.get(command.removeprefix(self.prefix))
        if wanted is None:
            await _tell(ctx, message, [f"there is no command {command[:SHOWN]!r} for you here"])
            return
        await _tell(ctx, message, self._about(wanted))

    def _line(self, command: Command) -> str:
        usage = command.usage(self.prefix)
        return f"{usage} - {command.summary}" if command.summary else usage

    def _about(self, command: Command) -> Iterable[str]:
        yield f"usage: {command.usage(self.prefix)}"
        if command.aliases:
            yield f"also: {', '.join(self.prefix + alias for alias in command.aliases)}"
        for argument in command.arguments:
            noun = f"{argument.name}: {argument.converter.noun}"
            default = _shown_default(argument.default)
            yield noun if argument.required or not default else f"{noun} ({default} if left out)"
        yield from command.description.splitlines()

    async def _refuse(self, command: Command, message: Message, context: Context) -> None:
        self._meters.commands_refused.add_for(context.bot.name)
        context.log.warning("command refused", command=command.name, by=message.account, for_roles=command.roles)
        refused = CommandRefused(
            account=message.account,
            channel=message.channel if isinstance(message, ChannelMessage) else "",
            command=command.name,
            roles=command.roles,
        )
        await self._on_refused(refused, context)
        await _tell(context, message, [f"you may not use {self.prefix}{command.name}"])


async def _tell(context: Context, message: Message, lines: Iterable[str]) -> None:
    """Send the lines to the sender alone, in as few messages as they fit in."""
    for text in _pages(list(lines)):
        await context.session.send_instant(message.account, text)


def _shown_default(value: object) -> str:
    """A default as it would be written; empty where there is nothing to say about it."""
    match value:
        case timedelta():
            return format_duration(value)
        case Enum():
            return str(value.value if isinstance(value.value, str) else value.name).lower()
        case bool():
            return "yes" if value else "no"
        case None | []:
            return ""
        case _:
            return str(value)


def _pages(lines: Sequence[str]) -> Iterable[str]:
    page = ""
    for whole in lines:
        line = whole.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore")
        longer = f"{page}\n{line}" if page else line
        if len(longer.encode()) > MAX_MESSAGE_BYTES:
            yield page
            longer = line
        page = longer
    yield page
