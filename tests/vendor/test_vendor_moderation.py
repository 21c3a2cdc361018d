"""The vendor's own clients under the moderation bot: each of its actions is something that they know."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from botkit import App, BotPlacement
from botkit.errors import ErrorCode
from botkit.testing import TEST_APP
from bots.moderation import bot
from bots.moderation.rules.settings import WordsRule
from bots.moderation.settings import HoldSettings, ModerationSettings
from tests.vendor.clients import Sdk, VendorUser
from tests.vendor.drivers import Vendor
from tests.vendor.stage import OTHER_SDK, expect_logout, expect_refusal

pytestmark = [
    pytest.mark.row("D04", "W07"),
    pytest.mark.slow,
    pytest.mark.parametrize("sdk", ["web", "python"]),
]

LOBBY = "the lobby"
BOT = "server-bot"
NOT_SENT = int(ErrorCode.SENDMESSAGE_E_OTHER)
ACTIONS = ("warn", "notice", "slow 1", "mute 10m", "kick", "ban 1h", "hold", "alert")


class Scene:
    """``ann`` and ``bob`` on the vendor's SDKs in the lobby, with the bot; ``mod`` is told of alerts."""

    def __init__(self, ann: VendorUser, bob: VendorUser, moderator: VendorUser) -> None:
        self.ann, self.bob, self.moderator = ann, bob, moderator

    async def refused(self, text: str) -> tuple[object, object]:
        """What ``ann`` is told when she says what a rule objects to."""
        return await self.ann.ask_in_vain("channel_sendmsg", name=LOBBY, msg=text)

    async def check_bob_heard_nothing_of(self, text: str) -> None:
        """That it reached nobody: what is said behind it is there, and it is not."""
        await self.bob.do("say", text="behind it")
        await self.bob.expect("channel_message", account="bob", text="behind it")
        for user in (self.ann, self.bob):
            assert text not in [told["text"] for told in user.heard("channel_message")]


async def enter(user: VendorUser) -> None:
    """Log in, and enter the lobby."""
    await user.log_in()
    await user.do("join", channel=LOBBY)
    await user.expect("joined")
    await user.expect("user_list")


@asynccontextmanager
async def moderated(vendor: Vendor, folder: Path) -> AsyncIterator[None]:
    """The bot, with a word for each of its actions, run as ``botkit run`` runs it."""
    rules = tuple(WordsRule(id=text.split()[0], words=(f"word {text.split()[0]}",), then=(text,)) for text in ACTIONS)
    settings = ModerationSettings(
        rules=rules,
        alerts=("mod",),
        hold=HoldSettings(budget_seconds=10),
        database=f"sqlite:///{folder}/moderation.db",
    )
    app = App(TEST_APP, vendor.url, [BotPlacement(bot=bot, account=BOT, channels=(LOBBY,), settings=settings)])
    async with trio.open_nursery() as nursery:
        await nursery.start(app.run)
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture
async def scene(vendor: Vendor, sdk: Sdk, tmp_path: Path) -> AsyncIterator[Scene]:
    """Everybody in the lobby; ``bob`` is on the other SDK."""
    async with (
        moderated(vendor, tmp_path),
        vendor.open_driver(sdk) as anns,
        vendor.open_driver(OTHER_SDK[sdk]) as bobs,
    ):
        made = Scene(anns.user("ann"), bobs.user("bob"), bobs.user("mod"))
        await made.moderator.log_in()
        await enter(made.ann)
        await enter(made.bob)
        yield made


async def test_warned(scene: Scene, sdk: Sdk) -> None:
    assert await scene.refused("word warn") == (NOT_SENT, "not delivered: “word warn” is not said here")
    await scene.ann.expect(
        "instant",
        account=BOT,
        text=f"Please mind the rules of {LOBBY}: “word warn” is not said here. Your strikes: 0.",
    )
    await scene.check_bob_heard_nothing_of("word warn")


@pytest.mark.row("D05")
async def test_what_is_judged_before_its_delivery_reaches_nobody(scene: Scene, sdk: Sdk) -> None:
    for text in ("word warn", "WORD  warn!", "w\u200bord warn"):
        assert (await scene.refused(text))[0] == NOT_SENT
        await scene.ann.do("say", text=text)
        await scene.ann.expect("said")
        await scene.check_bob_heard_nothing_of(text)
    await scene.ann.do("say", text="hello")
    for user in (scene.ann, scene.bob):
        await user.expect("channel_message", account="ann", text="hello")


async def test_a_notice_to_the_channel(scene: Scene, sdk: Sdk) -> None:
    assert (await scene.refused("word notice"))[0] == NOT_SENT
    for user in (scene.ann, scene.bob):
        await user.expect(
            "channel_message", account=BOT, text="ann, please mind the rules: “word notice” is not said here."
        )


async def test_a_channel_that_is_slowed(scene: Scene, sdk: Sdk) -> None:
    assert (await scene.refused("word slow"))[0] == NOT_SENT
    for user in (scene.ann, scene.bob):
        await user.expect("attribute", name="_sendmsg_limit", value="1")
    refused = []
    for number in range(8):
        code, answer = await scene.bob.ask("channel_sendmsg", name=LOBBY, msg=f"quick {number}")
        refused.append((code, answer))
    assert any("per second" in str(answer) for answer in refused)


async def test_muted(scene: Scene, sdk: Sdk) -> None:
    assert (await scene.refused("word mute"))[0] == NOT_SENT
    await scene.ann.expect(
        "instant", account=BOT, text=f"You are muted in {LOBBY} for 10m: “word mute” is not said here."
    )
    assert await scene.refused("hello") == (NOT_SENT, "muted: “word mute” is not said here")
    await scene.check_bob_heard_nothing_of("hello")


async def test_kicked(scene: Scene, sdk: Sdk) -> None:
    assert (await scene.refused("word kick"))[0] == NOT_SENT
    await scene.bob.expect("user_left", account="ann")
    await scene.ann.expect("instant", account=BOT, text=f"You were put out of {LOBBY}: “word kick” is not said here.")
    assert (await scene.refused("hello"))[0] == NOT_SENT, "the SDKs know no 601; a botkit session hears it"
    await scene.check_bob_heard_nothing_of("hello")


async def test_banned(scene: Scene, sdk: Sdk) -> None:
    assert (await scene.refused("word ban"))[0] == NOT_SENT
    await expect_logout(scene.ann, sdk)
    # It fetches what it is told of, and the ban may end its session before: all, or nothing.
    assert {told["text"] for told in scene.ann.heard("instant") if told["account"] == BOT} <= {
        "You are banned for 1h: “word ban” is not said here."
    }
    await scene.bob.expect("user_left", account="ann")
    await scene.ann.start_login()
    await expect_refusal(scene.ann, sdk)


async def test_held_for_review(scene: Scene, sdk: Sdk) -> None:
    assert await scene.refused("word hold") == (NOT_SENT, "held for review: “word hold” is not said here")
    await scene.check_bob_heard_nothing_of("word hold")


async def test_an_alert(scene: Scene, sdk: Sdk) -> None:
    assert (await scene.refused("word alert"))[0] == NOT_SENT
    text = f"ann in {LOBBY}, rule alert: “word alert” is not said here."
    alert = await scene.moderator.expect("instant", account=BOT)
    assert str(alert["text"]).endswith(text)
    assert not scene.bob.untaken("instant")
