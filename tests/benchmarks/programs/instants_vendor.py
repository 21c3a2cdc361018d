"""Instant messages between two sessions of the vendor's Python SDK, 64 in flight. Arguments: port, app, messages."""

import itertools
import json
import os
import sys
import time
from typing import Any

from agorasigsdk import AgoraSignal, LoginSession
from twisted.internet import reactor

IN_FLIGHT = 64


class Meeting:
    """Both sessions, and how far they are."""

    def __init__(self, port: int, app: str, messages: int) -> None:
        self.messages = messages
        self.heard = self.logged_in = 0
        self.left = iter(range(messages))
        self.begin = self.cpu = 0.0
        where = [("127.0.0.1", port)]
        # The SDK keeps one client for each AgoraSignal.
        self.receiver = AgoraSignal(app).login(
            "receiver", "_no_need_token", self, is_debugging=True, debug_params=where
        )
        self.sender = AgoraSignal(app).login("sender", "_no_need_token", self, is_debugging=True, debug_params=where)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *_: None
        raise AttributeError(name)

    def on_login_success(self, *_about: Any) -> None:
        """Begin when both are there."""
        self.logged_in += 1
        if self.logged_in == 2:
            self.begin, self.cpu = time.perf_counter(), time.process_time()
            for _ in range(IN_FLIGHT):
                self.send()

    def send(self, *_about: Any) -> None:
        """Send the next one."""
        for _ in itertools.islice(self.left, 1):
            outcome = LoginSession.MessageCallback()
            outcome.on_msg_send_success = self.send
            outcome.on_msg_send_error = self.fail
            self.sender.msg_instant_send("receiver", "x" * 100, outcome)

    def fail(self, _session: Any, code: int) -> None:
        """A message was refused: the figures would be of something else."""
        print(f"a message was refused: {code}", file=sys.stderr, flush=True)
        os._exit(1)

    def on_msg_instant_received(self, *_about: Any) -> None:
        """Count, and end with the last one."""
        self.heard += 1
        if self.heard == self.messages:
            took, used = time.perf_counter() - self.begin, time.process_time() - self.cpu
            print(
                json.dumps({"messages": self.messages / took, "CPU of both clients": used / self.messages * 1e6}),
                flush=True,
            )
            reactor.stop()


if __name__ == "__main__":
    Meeting(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    reactor.run(installSignalHandlers=False)
