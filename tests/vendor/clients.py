"""Users of the vendor's SDKs, seen from a test: a driver process, its users, and what each was told."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Literal, TypedDict, TypeVar, Unpack

import trio

from botkit.events import Event
from botkit.signaling import LoginSession
from botkit.types import JsonObject, JsonValue
from botkit.wire.limits import NO_TOKEN

PATIENCE = 60.0
"""Seconds after which an event that did not come fails the test; nothing is measured with it."""

Sdk = Literal["web", "python"]
EventT = TypeVar("EventT", bound=Event)


class Told(TypedDict, total=False):
    """What an event may carry, by the drivers' names."""

    account: str
    uid: int
    text: str
    code: int
    status: int
    state: int
    ok: bool
    reason: str | int
    name: str
    value: str
    kind: str
    channel: str
    peer: str
    extra: str
    func: str
    error: str
    users: list[JsonValue]


def parsed(text: JsonValue) -> JsonValue:
    """The JSON in a text field."""
    assert isinstance(text, str)
    value: JsonValue = json.loads(text)
    return value


async def next_event(session: LoginSession, kind: type[EventT]) -> EventT:
    """The next event of this kind at a botkit session; others before it are dropped."""
    with trio.fail_after(PATIENCE):
        while not isinstance(event := await session.receive_event(), kind):
            pass
    return event


class VendorUser:
    """One account on one of the vendor's SDKs."""

    def __init__(self, driver: "Driver", name: str) -> None:
        self.name = name
        self._driver = driver
        self._told: list[JsonObject] = []
        self._heard: list[JsonObject] = []
        self._news = trio.Condition()

    async def do(self, command: str, **parameters: JsonValue) -> None:
        """Have the SDK do something; what comes of it is an event."""
        await self._driver.write({"who": self.name, "command": command, **parameters})

    async def log_in(self, token: str = NO_TOKEN, *, app: str = "") -> int:
        """Log in, and return the uid."""
        await self.start_login(token, app=app)
        uid = (await self.expect("logged_in"))["uid"]
        assert isinstance(uid, int)
        return uid

    async def start_login(self, token: str = NO_TOKEN, *, app: str = "") -> None:
        """Have the SDK log in, to the driver's app if none is named; what comes of it is an event."""
        await self.do("login", url=self._driver.url, app=app or self._driver.app, token=token)

    async def expect(self, event: str, **wanted: Unpack[Told]) -> JsonObject:
        """Wait for an event with these fields, and take it off the list. Others stay, in order."""
        with trio.move_on_after(PATIENCE):
            async with self._news:
                while True:
                    for told in self._told:
                        if told["event"] == event and all(told.get(name) == value for name, value in wanted.items()):
                            self._told.remove(told)
                            return told
                    await self._news.wait()
        raise AssertionError(f"{self.name}: no {event} {wanted}; told: {self._told}\n{self._driver.complaints()}")

    async def ask(self, func: str, **arguments: JsonValue) -> tuple[str, JsonObject]:
        """Send a request by its name on the wire; the error that the SDK shows, and what was answered."""
        await self.do("ask", func=func, args=arguments)
        told = await self.expect("answer", func=func)
        assert isinstance(told["error"], str)
        assert isinstance(told["answer"], dict), told
        return told["error"], told["answer"]

    async def ask_in_vain(self, func: str, **arguments: JsonValue) -> tuple[JsonValue, JsonValue]:
        """Send a request that is refused; code and reason, as the SDK hands them on."""
        error, answer = await self.ask(func, **arguments)
        assert answer["result"] == "failed", answer
        assert error in ("", answer["reason"])  # the Python SDK leaves it to the caller to read the answer
        return answer["code"], answer["reason"]

    def untaken(self, event: str) -> list[JsonObject]:
        """The events of this kind that came and that no ``expect`` took."""
        return [told for told in self._told if told["event"] == event]

    def forget(self, event: str) -> None:
        """Take all events of this kind that came so far."""
        self._told = [told for told in self._told if told["event"] != event]

    def heard(self, event: str) -> list[JsonObject]:
        """All events of this kind that ever came, those that an ``expect`` took too."""
        return [told for told in self._heard if told["event"] == event]

    async def hear(self, told: JsonObject) -> None:
        """Take one event from the driver."""
        async with self._news:
            self._told.append(told)
            self._heard.append(told)
            self._news.notify_all()


class Driver:
    """One process with one of the vendor's SDKs in it, for any number of users."""

    def __init__(self, process: trio.Process, url: str, app: str, log: Path) -> None:
        self.url, self.app = url, app
        self._process = process
        self._log = log
        self._users: dict[str, VendorUser] = {}

    def user(self, name: str) -> VendorUser:
        """A new user; ``login`` is up to the test."""
        self._users[name] = VendorUser(self, name)
        return self._users[name]

    async def write(self, command: JsonObject) -> None:
        """Send one command line."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps(command).encode() + b"\n")

    async def read(self) -> None:
        """Hand the process's events to its users until it ends."""
        assert self._process.stdout is not None
        rest = b""
        async for chunk in self._process.stdout:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                told = json.loads(line)
                await self._users[told.pop("who")].hear(told)

    def complaints(self) -> str:
        """The end of what the SDK wrote to its log."""
        return self._log.read_text(errors="replace")[-4000:]

    def assert_no_exception(self) -> None:
        """Neither SDK may have raised or logged an exception: that is how they fail on what they cannot read."""
        log = self._log.read_text(errors="replace")
        assert "Traceback" not in log, log[-8000:]
        assert "Error:" not in log, log[-8000:]


@asynccontextmanager
async def open_driver(command: Sequence[str], url: str, app: str, log: Path) -> AsyncIterator[Driver]:
    """Start a driver for users of ``app`` at ``url``; at the end of the block no exception may have been logged."""
    with log.open("wb") as stderr:
        async with trio.open_nursery() as nursery:
            start = partial(trio.run_process, command, stdin=PIPE, stdout=PIPE, stderr=stderr, check=False)
            driver = Driver(await nursery.start(start), url, app, log)
            nursery.start_soon(driver.read)
            yield driver
            nursery.cancel_scope.cancel()
    driver.assert_no_exception()
