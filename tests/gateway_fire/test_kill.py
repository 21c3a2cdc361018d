"""kill -9 of the gateway under load: nothing that it promised is lost, and nobody is told two stories."""

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from botkit.errors import SignalingError
from botkit.events import InstantMessage
from botkit.signaling import LoginSession
from botkit.testing import WirePeer
from botkit.transport.websocket import websocket_connector
from botkit.wire.ledger import LedgerEvent
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL, USER_ONLINE_CHANNEL
from tests.gateway_fire.process import COMMAND, SLOW_DISK_COMMAND, GatewayProcess, open_gateway_process
from tests.gateway_fire.promises import (
    BOARD,
    OFFLINE,
    Gate,
    Moderator,
    Talker,
    Witness,
    follow_feed,
    follow_ledger,
    open_signal,
    read_all,
    visit_as_vendor,
)

pytestmark = pytest.mark.slow

TALKERS = [f"talker-{number}" for number in range(6)]
VENDORS = [f"vendor-{number}" for number in range(4)]
KILLS = 5
SETTLE_SECONDS = 120


class Crowd:
    """Everybody who uses the gateway, and who watches it."""

    def __init__(self, gateway: GatewayProcess, rng: random.Random) -> None:
        self._gateway, self._rng = gateway, rng
        self.gate = Gate()
        self.witness = Witness()
        self.vendor_logins: Counter[str] = Counter()
        self.talkers: list[Talker] = []
        self.moderator: Moderator
        self._auditor: LoginSession

    async def enter(self, sessions: AsyncExitStack, nursery: trio.Nursery) -> None:
        """Log everybody in, and set them to work once the gate is open."""
        signal = open_signal(self._gateway.url)

        async def log_in(account: str) -> LoginSession:
            return await sessions.enter_async_context(signal.open_session(account))

        self._auditor = await log_in("server-auditor")
        nursery.start_soon(follow_ledger, await log_in("server-reader"), self.witness)
        for number, special in enumerate((USER_ONLINE_CHANNEL, CHANNEL_EVENT_CHANNEL)):
            feed = await log_in(f"server-feed-{number}")
            await feed.join(special)
            nursery.start_soon(follow_feed, feed, self.witness)
        writer = await log_in("server-moderator")
        await writer.join(BOARD)
        self.moderator = Moderator(writer, self._rng)
        nursery.start_soon(self.moderator.work, self.gate)
        for account in TALKERS:
            talker = Talker(await log_in(account), [*TALKERS, *OFFLINE], self._rng)
            self.talkers.append(talker)
            nursery.start_soon(talker.listen)
            nursery.start_soon(talker.work, self.gate)
        for vendor in VENDORS:
            nursery.start_soon(visit_as_vendor, self._gateway.url, vendor, self.vendor_logins)

    async def check(self) -> None:
        """Compare what the gateway knows with what it promised."""
        ledger = await self._ask_until_answered()
        self._check_ledger(ledger)
        await self._check_attributes()
        await self._check_sanctions()
        await self._check_rooms()
        await self._check_messages()

    async def _ask_until_answered(self) -> list[LedgerEvent]:
        with trio.fail_after(SETTLE_SECONDS):
            while True:
                try:
                    return await read_all(self._auditor)
                except SignalingError:
                    continue

    def _check_ledger(self, ledger: Sequence[LedgerEvent]) -> None:
        assert [event.seq for event in ledger] == list(range(1, len(ledger) + 1))
        for event in ledger:
            self.witness.see_event(event)
        told = {(event.event, event.account, event.channel, event.data.get("value", "")) for event in ledger}
        reasons = {event.data.get("why") for event in ledger if event.event == "sanction"}
        for talker in self.talkers:
            account = talker.session.account
            for register in talker.attributes.values():
                assert not register.promised or ("user_attribute", account, "", register.promised) in told
            for room in talker.rooms_joined:
                assert ("channel_join", account, room, "") in told
            presence = [
                event.event for event in ledger if event.account == account and event.event.startswith("user_o")
            ]
            assert presence == ["user_online"], "who resumes was never gone"
            left = {event.reason for event in ledger if event.account == account and event.event == "channel_leave"}
            assert left <= {"leave", "moved"}
        for register in self.moderator.board.values():
            promised = ("channel_attribute", self.moderator.session.account, BOARD, register.promised)
            assert not register.promised or promised in told
        assert reasons.issuperset(self.moderator.reasons)
        self._check_vendors(ledger)

    def _check_vendors(self, ledger: Sequence[LedgerEvent]) -> None:
        """Who does not come back to its session is gone with the gateway, and that is told."""
        for vendor in VENDORS:
            mine = [event for event in ledger if event.account == vendor and event.event.startswith("user_o")]
            online = [event for event in mine if event.event == "user_online"]
            assert [event.event for event in mine] == (["user_online", "user_offline"] * len(online))[: len(mine)]
            assert {event.reason for event in mine if event.event == "user_offline"} <= {"crashed"}
            assert len(online) >= self.vendor_logins[vendor]

    async def _check_attributes(self) -> None:
        for talker in self.talkers:
            now = await self._auditor.get_user_attributes(talker.session.account)
            for name, register in talker.attributes.items():
                assert register.allows(now.get(name, "")), (talker.session.account, name, register, now.get(name))
        async with WirePeer.connect(websocket_connector(self._gateway.url), f"visitor-{self._gateway.starts}") as peer:
            board = (await peer.request("channel_join", name=BOARD))["attrs"]
            assert isinstance(board, dict)
            for name, register in self.moderator.board.items():
                assert register.allows(str(board.get(name, ""))), (name, register, board.get(name))
            await peer.request("user_logout")

    async def _check_sanctions(self) -> None:
        in_force = {(each.kind, each.account): each.reason for each in await self._auditor.list_sanctions()}
        for key, register in self.moderator.sanctions.items():
            assert register.allows(in_force.get(key, "")), (key, register, in_force.get(key))

    async def _check_rooms(self) -> None:
        where = {online.account: online.channel for online in await self._auditor.list_online()}
        for talker in self.talkers:
            account = talker.session.account
            assert talker.room.allows(where[account]), (account, talker.room, where[account], talker.session.channel)

    async def _check_messages(self) -> None:
        for talker in self.talkers:
            account = talker.session.account
            promised = set[str]().union(*(each.promised.get(account, set()) for each in self.talkers))
            with trio.move_on_after(SETTLE_SECONDS):
                await talker.wait_received(promised)
            assert not promised - talker.received.keys(), "promised and not delivered"
            assert set(talker.received.values()) <= {1}, "delivered twice"
            assert talker.received.keys() <= set[str]().union(*(each.sent.get(account, set()) for each in self.talkers))

    async def check_waiting_messages(self) -> None:
        """Those who were never there log in, and get what waited for them."""
        signal = open_signal(self._gateway.url)
        for account in OFFLINE:
            promised = set[str]().union(*(talker.promised.get(account, set()) for talker in self.talkers))
            sent = set[str]().union(*(talker.sent.get(account, set()) for talker in self.talkers))
            received: Counter[str] = Counter()
            async with signal.open_session(account) as session:
                with trio.move_on_after(SETTLE_SECONDS):
                    while not promised <= received.keys():
                        event = await session.receive_event()
                        if isinstance(event, InstantMessage):
                            received[event.text] += 1
            assert promised <= received.keys() <= sent
            assert set(received.values()) <= {1}


@pytest.mark.row("G06", "G07", "G08", "M11", "D08")
@pytest.mark.parametrize(("seed", "command"), [(3, COMMAND), (14, SLOW_DISK_COMMAND)], ids=["disk", "slow disk"])
async def test_nothing_that_was_promised_is_lost(
    seed: int, command: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(seed)
    async with (
        open_gateway_process(tmp_path, command) as gateway,
        trio.open_nursery() as nursery,
        AsyncExitStack() as sessions,
    ):
        crowd = Crowd(gateway, rng)
        await crowd.enter(sessions, nursery)
        for _ in range(KILLS):
            crowd.gate.open()
            await trio.sleep(rng.uniform(0.2, 1.5))
            await gateway.kill()
            await gateway.start()
            if rng.random() < 0.5:  # again, while everybody comes back
                await trio.sleep(rng.uniform(0.0, 0.5))
                await gateway.kill()
                await gateway.start()
            await crowd.gate.close()
            await crowd.check()
        await crowd.check_waiting_messages()
        nursery.cancel_scope.cancel()
    assert "Traceback" not in gateway.log
    promised = sum(len(texts) for talker in crowd.talkers for texts in talker.promised.values())
    with capsys.disabled():
        print(
            f"\nseed {seed}: {gateway.starts - 1} kills; acknowledged {promised} messages and"
            f" {len(crowd.moderator.reasons)} sanctions; {len(crowd.witness.events)} events of the ledger"
            f" seen {crowd.witness.sightings} times;"
            f" {sum(talker.unanswered for talker in crowd.talkers)} requests unanswered"
        )
