"""The difference between two lists of placements: by account, and by everything that is said of each."""

import pytest
from msgspec import Struct
from msgspec.structs import replace

from botkit import Bot, BotPlacement
from botkit.app.changes import Changes, compare
from botkit.routing.runner import RunnerLimits


class Words(Struct, frozen=True):
    """Settings of a bot."""

    words: tuple[str, ...] = ()


class OtherWords(Struct, frozen=True):
    """Those of a module that was imported anew, say."""

    words: tuple[str, ...] = ()


BOT = Bot("bot")
PLACEMENT = BotPlacement(bot=BOT, account="a", channels=("lobby",), settings=Words(("x",)))


def by_account(*placements: BotPlacement) -> dict[str, BotPlacement]:
    return {placement.account: placement for placement in placements}


@pytest.mark.parametrize(
    "other",
    [
        replace(PLACEMENT, bot=Bot("other")),
        replace(PLACEMENT, bot=Bot("bot"), channels=("hall",)),
        replace(PLACEMENT, bot=Bot("bot"), dry_run=True),
        replace(PLACEMENT, channels=("lobby", "hall")),
        replace(PLACEMENT, channels=()),
        replace(PLACEMENT, settings=Words(("y",))),
        replace(PLACEMENT, settings=OtherWords(("x",))),
        replace(PLACEMENT, settings=None),
        replace(PLACEMENT, dry_run=True),
        replace(PLACEMENT, max_channels=1),
        replace(PLACEMENT, linger_seconds=1.0),
        replace(PLACEMENT, limits=RunnerLimits()),
        replace(PLACEMENT, roles={"mod": ("ann",)}),
    ],
)
def test_whoever_differs_in_anything_is_restarted(other: BotPlacement) -> None:
    assert compare(by_account(PLACEMENT), by_account(other)) == Changes(restarted=("a",))


def test_who_is_equal_stays_wherever_it_stands_in_the_list() -> None:
    same = replace(PLACEMENT, settings=Words(("x",)))
    one, two, new = (replace(PLACEMENT, account=account) for account in "bcd")
    changes = compare(by_account(PLACEMENT, one, two), by_account(new, two, same))
    assert changes == Changes(kept=("c", "a"), started=("d",), stopped=("b",))
    assert (changes.fresh, changes.ending) == (("d",), ("b",))


@pytest.mark.parametrize(
    "other",
    [
        replace(PLACEMENT, bot=Bot("bot")),
        replace(PLACEMENT, bot=Bot("bot"), settings=OtherWords(("x",))),
        replace(PLACEMENT, bot=Bot("bot"), settings=None, limits=RunnerLimits(), roles={"mod": ("ann",)}),
    ],
)
def test_another_version_of_the_code_is_swapped(other: BotPlacement) -> None:
    assert compare(by_account(PLACEMENT), by_account(other)) == Changes(swapped=("a",))
