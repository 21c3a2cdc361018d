"""An application of the client, as a transcript drives it: verbs of its session, by name."""

from collections.abc import Awaitable, Callable

import trio

from botkit.backoff import Backoff
from botkit.errors import BotkitError
from botkit.signaling import LoginSession, Signal, SignalSettings
from botkit.transport.base import Connector
from botkit.types import JsonObject, JsonValue

SETTINGS = SignalSettings(reconnect=Backoff(1.0, 1.0, jitter=0.0))


class Application:
    """One client with its application. What came of its verbs is in ``outcomes``, in the order of their ends."""

    def __init__(self, app: str, connector: Connector, nursery: trio.Nursery) -> None:
        self._signal = Signal(app, connector, settings=SETTINGS)
        self._nursery = nursery
        self._outcomes, self.outcomes = trio.open_memory_channel[str](100)
        self.session: LoginSession | None = None

    def call(self, verb: str, arguments: list[JsonValue], options: JsonObject | None = None) -> None:
        """Start a verb of the session (``join``), of its channel (``channel.send``) or of a call (``call1.accept``).

        ``log_in`` with an account and a token makes the session.
        """
        self._nursery.start_soon(self._call, verb, arguments, options or {})

    async def _call(self, verb: str, arguments: list[JsonValue], options: JsonObject) -> None:
        try:
            if verb == "log_in":
                await self._log_in(*map(str, arguments))
                return
            self._outcomes.send_nowait(repr(await self._verb(verb)(*arguments, **options)))
        except BotkitError as error:
            self._outcomes.send_nowait(f"{type(error).__name__}: {error}")

    def _verb(self, name: str) -> Callable[..., Awaitable[object]]:
        assert self.session is not None
        *target, verb = name.split(".")
        match target:
            case []:
                found: Callable[..., Awaitable[object]] = getattr(self.session, verb)
            case ["channel"]:
                found = getattr(self.session.channel, verb)
            case [call]:
                found = getattr(self.session.call(int(call.removeprefix("call"))), verb)
        return found

    async def _log_in(self, account: str, token: str) -> None:
        async with self._signal.open_session(account, token) as self.session:
            self._outcomes.send_nowait(repr(self.session))
            await trio.sleep_forever()
