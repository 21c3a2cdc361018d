"""Handlers of errors: what a bot does about a handler that failed.

::

    from botkit import Bot, Context, InstantMessage, SignalingError

    bot = Bot("polite")


    @bot.on_error
    async def sorry(error: SignalingError, message: InstantMessage, ctx: Context) -> None:
        await ctx.reply("that did not work, please try again later")

An error goes to the first handler of errors that takes it, those of the handler's own router first, then those of the
routers around it, the bot's last. Which errors one takes is said by the type of its parameter, and of which events by
that of its event parameter: without one it takes those of all events, and of beats. An error handler that fails is
logged and counted, and that is the end of it.
"""

from dataclasses import dataclass
from typing import cast

from botkit.app.injection import PerCall
from botkit.app.signatures import EventTypes, HandlerFunction, Signature, is_event, members_of, read_handler
from botkit.events import Event

ERROR = PerCall("error")


@dataclass(frozen=True, slots=True, eq=False)
class ErrorHandler:
    """A handler of errors that was read. ``event_types`` are empty when it takes errors of whatever it was."""

    signature: Signature
    error_type: object
    exceptions: tuple[type[Exception], ...]
    event_types: EventTypes

    def takes(self, error: BaseException, event: Event | None) -> bool:
        """Whether it is for this error."""
        return isinstance(error, self.exceptions) and (not self.event_types or isinstance(event, self.event_types))


def read_error_handler(function: HandlerFunction) -> ErrorHandler:
    """Read a handler of errors. Raises ``HandlerError`` with file and line."""
    signature = read_handler(function)
    errors = [one.annotation for one in signature.parameters if _is_exception(one.annotation)]
    if len(errors) != 1:
        problem = "needs one parameter for the error, which says by its type what errors it takes: Exception for all"
        raise signature.place.error(problem)
    events = [one.annotation for one in signature.parameters if is_event(one.annotation)]
    return ErrorHandler(
        signature,
        errors[0],
        cast("tuple[type[Exception], ...]", members_of(errors[0])),
        cast("EventTypes", members_of(events[0])) if events else (),
    )


def _is_exception(annotation: object) -> bool:
    return all(isinstance(one, type) and issubclass(one, Exception) for one in members_of(annotation))
