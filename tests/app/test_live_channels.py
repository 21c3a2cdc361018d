"""Where people are: a snapshot and what the feed tells after it, in whatever order they come."""

from typing import cast

import pytest
from trio.testing import MockClock

from botkit import EventsLost, LoginSession, MemberJoined, MemberLeft
from botkit.app.accounts import OwnAccounts
from botkit.app.live_channels import LOOK_AGAIN_SECONDS, LiveChannels
from botkit.app.patterns import ChannelPatterns
from botkit.errors import ErrorCode, RequestFailed
from botkit.types import Account, ChannelName, Uid
from botkit.wire.admin import OnlineAccount, SnapshotPage
from botkit.wire.states import LoginStatus


class Gateway:
    """A session whose gateway answers with pages of who is where, or refuses."""

    account, status = "botkit-feed-channels-bot", LoginStatus.LOGGED_IN

    def __init__(self, *pages: tuple[int, dict[str, str]]) -> None:
        self.pages = pages

    async def read_online(self, after: str = "") -> SnapshotPage:
        """The page behind ``after``."""
        if not self.pages:
            raise RequestFailed(ErrorCode.GENERAL_E_FAILED, "for server accounts only")
        number = 0 if not after else 1 + [list(page)[-1] for _, page in self.pages].index(after)
        seq, page = self.pages[number]
        sessions = tuple(OnlineAccount(account=name, uid=1, channel=channel) for name, channel in page.items())
        more = number + 1 < len(self.pages)
        return SnapshotPage(sessions=sessions, more=more, ms=0, epoch="e", seq=seq, seqs={})

    def session(self) -> LoginSession:
        """Itself, as what it stands for."""
        return cast("LoginSession", self)


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def appeared(self, channel: ChannelName) -> None:
        """See ``ChannelListener``."""
        self.told.append(f"+{channel}")

    def vanished(self, channel: ChannelName) -> None:
        """See ``ChannelListener``."""
        self.told.append(f"-{channel}")


def joined(account: str, channel: str, seq: int, epoch: str = "e") -> MemberJoined:
    return MemberJoined(account=Account(account), uid=Uid(1), ms=0, epoch=epoch, seq=seq, channel=ChannelName(channel))


def left(account: str, channel: str, seq: int) -> MemberLeft:
    return MemberLeft(
        account=Account(account), uid=Uid(1), ms=0, epoch="e", seq=seq, channel=ChannelName(channel), reason="leave"
    )


@pytest.fixture
def live() -> LiveChannels:
    return LiveChannels(ChannelPatterns(["room-*"]), OwnAccounts(["bot"]))


def test_who_comes_and_goes(live: LiveChannels) -> None:
    listener = Listener()
    with live.told_to(listener):
        for event in (
            joined("ann", "room-1", 1),
            joined("bob", "room-1", 2),
            joined("bot", "room-2", 3),
            joined("ann", "hall", 4),
            left("bob", "room-1", 5),
            joined("bob", "room-1", 6),
            joined("bob", "room-1", 7),
            left("bob", "room-9", 8),
        ):
            live.tell(event)
        assert listener.told == ["+room-1", "-room-1", "+room-1"]
        assert live.names() == ("room-1",)
        assert ChannelName("room-1") in live
        live.tell(left("bob", "room-1", 9))
    live.tell(joined("bob", "room-1", 10))
    assert listener.told[3:] == ["-room-1"]


async def test_a_snapshot_tells_what_is_new_and_what_is_gone_the_fullest_first(live: LiveChannels) -> None:
    listener = Listener()
    live.tell(joined("ann", "room-1", 1))
    live.tell(joined("bob", "room-2", 2))
    assert live.unsure
    where = {"ann": "room-1", "bot": "room-4", "c": "room-3", "d": "room-5", "e": "room-5", "f": "hall", "g": ""}
    with live.told_to(listener):
        await live.look(Gateway((9, where)).session())
    assert listener.told == ["-room-2", "+room-5", "+room-3"]
    assert live.names() == ("room-5", "room-1", "room-3")
    assert not live.unsure


async def test_what_a_snapshot_includes_is_not_told_again(live: LiveChannels) -> None:
    listener = Listener()
    with live.told_to(listener):
        await live.look(Gateway((9, {"ann": "room-1"}), (12, {"bob": "room-2"})).session())
        listener.told.clear()
        for event in (
            joined("bob", "room-7", 3),  # before the snapshot, and over by then
            joined("ann", "room-2", 10),  # after the first page
            left("bob", "room-2", 11),  # before the second, which says that bob is there again
            joined("bob", "room-2", 12),
            left("ann", "room-2", 13),
        ):
            live.tell(event)
        live.tell(joined("eve", "room-8", 1, epoch="f"))
    assert listener.told == ["-room-1", "+room-8"]
    assert set(live.names()) == {"room-2", "room-8"}


async def test_a_refused_snapshot_is_asked_for_again_later_and_after_a_loss_at_once(
    live: LiveChannels, autojump_clock: MockClock
) -> None:
    await live.look(Gateway().session())
    told = [live.unsure]
    autojump_clock.jump(LOOK_AGAIN_SECONDS + 1)
    told.append(live.unsure)
    await live.look(Gateway().session())
    told.append(live.unsure)
    live.tell(EventsLost(cause="a hole"))
    assert [*told, live.unsure] == [False, True, False, True]
