"""Drives the vendor's Python SDK 1.0.2: commands are JSON lines on standard input, call-backs on standard output.

Runs in an environment of its own, with the SDK and what it needs. Speaks the same lines as ``web_driver.js``.
"""

import json
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

from agorasigsdk import AgoraSignal, LoginSession
from twisted.internet import reactor, task
from twisted.python import log

CALLBACKS = {
    "on_login_success": ("logged_in", "uid"),
    "on_logout": ("logged_out", "code"),
    "on_msg_instant_received": ("instant", "account", "uid", "text"),
    "on_channel_joined": ("joined",),
    "on_channel_join_failed": ("join_failed", "reason"),
    "on_channel_left": ("left", "code"),
    "on_channel_user_joined": ("user_joined", "account", "uid"),
    "on_channel_user_left": ("user_left", "account", "uid"),
    "on_channel_attr_updated": ("attribute", "name", "value", "kind"),
    "on_msg_channel_received": ("channel_message", "account", "uid", "text"),
    "on_invite_received_by_peer": ("ringing",),
    "on_invite_accepted_by_peer": ("accepted", "extra"),
    "on_invite_refused_by_peer": ("refused", "extra"),
    "on_invite_failed": ("call_failed", "reason"),
    "on_invite_end_by_peer": ("ended_by_peer", "extra"),
    "on_invite_end_by_myself": ("ended_by_myself", "extra"),
    "on_invite_msg": ("call_message", "extra"),
}
"""Call-back of the SDK: the event, and the names of its arguments behind the session, channel and call."""


def tell(who: str, event: str, **fields: Any) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps({"who": who, "event": event, **fields}) + "\n")
    sys.stdout.flush()


class Callbacks:
    """Stands in for every call-back class of the SDK, which asks for methods by name only."""

    def __init__(self, user: "User") -> None:
        self._user = user

    def __getattr__(self, name: str) -> Any:
        event, *names = CALLBACKS[name]

        def callback(*arguments: Any) -> None:
            calls = [argument for argument in arguments if hasattr(argument, "peer")]
            about = {"channel": calls[0].channel, "peer": calls[0].peer} if calls else {}
            plain = [argument for argument in arguments if isinstance(argument, str | int)]
            tell(self._user.name, event, **about, **dict(zip(names, plain, strict=True)))

        return callback

    def on_channel_user_list(self, _session: Any, _channel: Any, users: list[str], uids: list[int]) -> None:
        tell(self._user.name, "user_list", users=[list(pair) for pair in zip(users, uids, strict=True)])

    def on_invite_received(self, _session: Any, call: Any) -> None:
        call.set_callback(self)
        self._user.calls[call.channel, call.peer] = call
        tell(self._user.name, "invited", channel=call.channel, peer=call.peer, extra=call.extra)


class User:
    """One account: a method for each command."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.callbacks = Callbacks(self)
        self.calls: dict[tuple[str, str], Any] = {}
        self.session: Any = None
        self.channel: Any = None
        self.connection_state: int | None = None

    def login(self, url: str, app: str, token: str) -> None:
        address = urlsplit(url)
        self.connection_state = None  # that of the session before says nothing of this one
        self.session = AgoraSignal(app).login(
            self.name, token, self.callbacks, is_debugging=True, debug_params=[(address.hostname, address.port)]
        )

    def logout(self) -> None:
        self.session.logout()

    def status(self) -> None:
        tell(self.name, "status", status=self.session.state)

    def send(self, account: str, text: str) -> None:
        outcome = LoginSession.MessageCallback()
        outcome.on_msg_send_success = lambda _session: tell(self.name, "sent", ok=True)
        outcome.on_msg_send_error = lambda _session, _code: tell(self.name, "sent", ok=False)
        self.session.msg_instant_send(account, text, outcome)

    def join(self, channel: str) -> None:
        self.channel = self.session.channel_join(channel, self.callbacks)

    def leave(self) -> None:
        self.channel.channel_leave()

    def say(self, text: str) -> None:
        self.channel.msg_channel_send(text, (lambda _error, _answer: tell(self.name, "said"), []))

    def shout(self, channel: str, text: str) -> None:
        def on_result(error: str, answer: Any) -> None:
            tell(self.name, "shouted", error=error, answer=answer)

        self.session.send_channel_msg(channel, text, on_result)

    def set_attribute(self, name: str, value: str) -> None:
        self.channel.channel_set_attr(name, value)

    def delete_attribute(self, name: str) -> None:
        self.channel.channel_del_attr(name)

    def clear_attributes(self) -> None:
        self.channel.channel_clear_attr()

    def ask(self, func: str, args: dict[str, Any]) -> None:
        def on_result(error: str, answer: Any) -> None:
            tell(self.name, "answer", func=func, error=error, answer=answer)

        self.session.call2(func, {"line": self.session.line, **args}, (on_result, []))

    def invite(self, channel: str, peer: str, extra: str) -> None:
        self.calls[channel, peer] = self.session.channel_invite_user_2(channel, peer, extra, self.callbacks)

    def accept(self, channel: str, peer: str, extra: str) -> None:
        self.calls[channel, peer].accept(extra)

    def refuse(self, channel: str, peer: str, extra: str) -> None:
        self.calls[channel, peer].refuse(extra)

    def end(self, channel: str, peer: str, extra: str) -> None:
        self.calls[channel, peer].end(extra)

    def tell_state(self) -> None:
        """Tell a changed connection state: the SDK has no call-back for a lost connection."""
        state = self.session.state if self.session else None
        if state != self.connection_state:
            self.connection_state = state
            tell(self.name, "state", state=state)


users: dict[str, User] = {}


def obey(line: str) -> None:
    """Do one command, in the reactor's thread."""
    parameters = json.loads(line)
    who, command = parameters.pop("who"), parameters.pop("command")
    if who not in users:
        users[who] = User(who)
    getattr(users[who], command)(**parameters)


def read_commands() -> None:
    """Hand each line to the reactor, and stop it at the end of the input."""
    for line in sys.stdin:
        reactor.callFromThread(obey, line)
    reactor.callFromThread(reactor.stop)


def tell_states() -> None:
    """Look at every user's connection."""
    for user in users.values():
        user.tell_state()


if __name__ == "__main__":
    log.startLogging(sys.stderr, setStdout=False)
    threading.Thread(target=read_commands, daemon=True).start()
    task.LoopingCall(tell_states).start(0.1)
    reactor.run(installSignalHandlers=False)
