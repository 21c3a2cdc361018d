"""A restart of a gateway with 10,000 users in it, the whole of it: one outage is told, and who is not back."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
import trio
from trio.testing import MockClock

from botkit import Database, open_database
from botkit.gateway.settings import GatewaySettings
from botkit.testing.peer import WirePeer
from bots.presence.records import Record, decode_record
from bots.presence.settings import DatabaseSettings
from tests.bots.presence.presence_stage import Stage, open_stage

WEB = [f"web-{number}" for number in range(9_000)]
"""Clients as the vendor's, whose sessions end with their connection."""

OWN = [f"own-{number}" for number in range(1_000)]
"""Clients that come back to their session."""

LOST = {*WEB[:7], *OWN[:5]}
"""Who does not come back."""

QUIET = GatewaySettings(apps=(), idle_timeout=3_600)
"""Nobody needs to ping."""


async def come(stack: AsyncExitStack, stage: Stage, account: str, line: str = "") -> str:
    """One is there until the stack is closed; the secret name of its session."""
    peer = await stack.enter_async_context(WirePeer.connect(stage.world.host.connector))
    if line:
        await peer.resume(account, line)
    else:
        await peer.login(account, resumable=account in OWN)
    return peer.line


async def told(database: Database) -> list[Record]:
    """What a sink was told."""
    rows = await database.fetch("SELECT json FROM told ORDER BY cursor_ms, cursor_n, cursor_k")
    return [decode_record(str(text)) for (text,) in rows]


def counts(records: Sequence[Record]) -> Counter[str]:
    """How many of each event."""
    return Counter(record.event for record in records)


@pytest.mark.slow
@pytest.mark.row("E09")
async def test_a_restart_with_10_000_users_is_one_outage_and_who_is_not_back(autojump_clock: MockClock) -> None:
    names = ("raw", "calm")
    sinks = tuple(
        DatabaseSettings(name=name, database=f"sqlite://presence_{name}", window=window)
        for name, window in zip(names, (0, 2), strict=True)
    )
    async with AsyncExitStack() as stack:
        raw, calm = [await stack.enter_async_context(open_database(f"sqlite://presence_{name}")) for name in names]
        stage = await stack.enter_async_context(open_stage(gateway=QUIET, sinks=sinks))
        async with AsyncExitStack() as people:
            lines = {account: await come(people, stage, account) for account in (*WEB, *OWN)}
            await trio.sleep(10)
            before = [len(await told(database)) for database in (raw, calm)]
            await stage.world.restart_gateway(down_seconds=3)
        for account in (*OWN, *WEB):
            if account not in LOST:
                await come(stack, stage, account, lines[account] if account in OWN else "")
        await trio.sleep(100)
        assert await stage.believed() == stage.truth() == dict.fromkeys(lines.keys() - LOST, "")
        loud, quiet = (await told(raw))[before[0] :], (await told(calm))[before[1] :]
        await stage.world.host.stop()
    assert counts(loud) == {"offline": 9_005, "online": 8_993}
    summary, *ends = quiet
    assert (summary.event, summary.count, summary.found, summary.gone) == ("outage", 9_005, 8_993, 12)
    assert [end.event for end in ends] == ["offline"] * 12
    assert {end.account for end in ends} == LOST
