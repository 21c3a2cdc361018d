"""The chat itself: one session, one terminal."""

import trio

from botkit.cli.chat import commands as c
from botkit.cli.chat.terminal import Terminal
from botkit.cli.chat.view import (
    attribute_line,
    attribute_lines,
    calling_line,
    member_lines,
    message_line,
    show,
    waiting_line,
)
from botkit.errors import ErrorCode, SignalingError
from botkit.events import CallInvited, LoggedOut
from botkit.signaling import Call, Channel, LoginSession

MESSAGE_SECONDS = 3600
"""So long a message waits for somebody who is offline."""


class NotNow(Exception):
    """A command needs a call or a channel, and there is none; the text says how to get one."""


class ChatClient:
    """Does what is typed and shows what happens, until ``/quit`` or the end of the session."""

    def __init__(self, session: LoginSession, terminal: Terminal) -> None:
        self._session = session
        self._terminal = terminal
        self._call: Call | None = None
        self._over = ErrorCode.SUCCESS

    async def run(self, channel: str) -> ErrorCode:
        """Join ``channel`` and chat. Returns ``LOGOUT_E_USER`` when the user ended it, else why the session ended.

        Raises ``JoinFailed`` for the first channel. A cancel leaves the session logged in.
        """
        await self._session.join(channel)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._show_events, nursery.cancel_scope)
            await self._obey_lines()
            self._over = self._over or ErrorCode.LOGOUT_E_USER
            nursery.cancel_scope.cancel()
        return self._over

    async def _show_events(self, scope: trio.CancelScope) -> None:
        async for event in self._session.events():
            if isinstance(event, CallInvited):
                self._call = self._session.call(event.call)
            self._terminal.print(show(event))
            if isinstance(event, LoggedOut):
                self._over = event.code
                scope.cancel()

    async def _obey_lines(self) -> None:
        while (line := await self._terminal.read_line()) is not None:
            try:
                command = c.parse(line)
                if isinstance(command, c.Quit):
                    return
                await self._obey(command)
            except (c.UsageError, NotNow, SignalingError) as error:
                self._terminal.print(f"! {error}")

    async def _obey(self, command: c.Command) -> None:
        match command:
            case c.Say(text=text):
                await self._channel.send(text)
            case c.Message(account=account, text=text):
                await self._tell(account, text)
            case c.Join(channel=channel):
                await self._session.join(channel)
            case c.Who():
                self._print(member_lines(dict(await self._session.list_channel_users(self._channel.name))))
            case c.ShowAttributes():
                self._print(attribute_lines(self._channel.attributes))
            case c.ShowAttribute(name=name):
                self._print([attribute_line(name, self._channel.attributes.get(name))])
            case c.RemoveAttribute(name=name):
                await self._remove(name)
            case c.SetAttribute(name=name, value=value):
                await self._channel.set_attribute(name, value)
            case c.Help():
                self._print(c.help_lines())
            case _:
                await self._obey_in_call(command)

    async def _tell(self, account: str, text: str) -> None:
        await self._session.send_instant(account, text, ttl=MESSAGE_SECONDS)
        self._print([message_line(account, text)])
        if not await self._session.is_online(account):
            self._print([waiting_line(account, MESSAGE_SECONDS)])

    async def _remove(self, name: str) -> None:
        channel = self._channel
        if name not in channel.attributes:
            self._print([attribute_line(name, None)])
        else:
            await channel.delete_attribute(name)

    async def _obey_in_call(self, command: c.Command) -> None:
        match command:
            case c.StartCall(account=account, channel=channel, extra=extra):
                self._call = await self._session.invite(channel, account, extra)
                self._print([calling_line(account, channel, online=await self._session.is_online(account))])
            case c.Accept(extra=extra):
                await self._open_call.accept(extra)
            case c.Refuse(extra=extra):
                await self._open_call.refuse(extra)
            case c.Press(digits=digits):
                await self._open_call.press(digits)
            case c.EndCall():
                await self._open_call.end()

    @property
    def _channel(self) -> Channel:
        channel = self._session.channel
        if channel is None:
            raise NotNow("you are in no channel: /join CHANNEL")
        return channel

    @property
    def _open_call(self) -> Call:
        if self._call is None or self._call.state.terminal:
            raise NotNow("there is no call: /call ACCOUNT CHANNEL starts one")
        return self._call

    def _print(self, lines: list[str]) -> None:
        for line in lines:
            self._terminal.print(line)
