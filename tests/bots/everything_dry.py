"""A plugin for pytest: whatever tests run with it, every bot in them runs dry, and its frames are counted.

The frames are those that the bots' sessions hand to their transports. ``--dry-report FILE`` gets what was counted.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from botkit.app import app, effect_log
from botkit.app.placement import AppPlan, BotPlacement, plan_app
from botkit.signaling import connection
from botkit.signaling.outgoing import Outcome
from botkit.signaling.trace import AccountTrace
from botkit.transport.base import Transport
from botkit.wire.frames import split_frames

frames: Counter[str] = Counter()
"""What sessions of bots sent, by the name of the frame, or of the function where it is a request."""

held_back: Counter[str] = Counter()
"""What bots would have done, by verb."""

dry_accounts: set[str] = set()


class CountingTransport:
    """Counts what a bot's session sends."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, data: bytes) -> None:
        """See ``Transport.send``."""
        for frame in split_frames(data):
            name, argument = json.loads(frame)
            frames[argument[0] if name == "call2" else name] += 1
        await self._transport.send(data)

    async def receive(self) -> bytes | str:
        """See ``Transport.receive``."""
        return await self._transport.receive()

    async def aclose(self) -> None:
        """See ``Transport.aclose``."""
        await self._transport.aclose()


def all_dry(bots: Sequence[BotPlacement], *, keys: Sequence[str] | None = None) -> AppPlan:
    """The plan of an app whose bots run dry."""
    plan = plan_app([replace(bot, dry_run=True) for bot in bots], keys=keys)
    dry_accounts.update(account for bot in plan.bots for account in bot.accounts)
    return plan


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--dry-report``."""
    parser.addoption("--dry-report")


def pytest_configure() -> None:
    """Have every app run dry, and every session of a bot be counted."""
    real_init, real_end = connection.Connection.__init__, effect_log.EffectLog.note_end

    def counted(self: connection.Connection, transport: Transport, *rest: object, **more: object) -> None:
        trace = more["trace"]
        assert isinstance(trace, AccountTrace)
        if trace._account in dry_accounts:
            transport = CountingTransport(transport)
        real_init(self, transport, *rest, **more)  # type: ignore[arg-type]

    def noted(self: effect_log.EffectLog, record: effect_log.EffectRecord, outcome: Outcome) -> None:
        if outcome.fate == "dry":
            held_back[record.effect.verb] += 1
        real_end(self, record, outcome)

    app.plan_app = all_dry  # type: ignore[attr-defined, assignment]
    connection.Connection.__init__ = counted  # type: ignore[method-assign]
    effect_log.EffectLog.note_end = noted  # type: ignore[method-assign]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down what was counted."""
    report = {"tests": session.testscollected, "frames": frames, "held_back": held_back}
    Path(session.config.getoption("dry_report")).write_text(json.dumps(report))
