"""What a new list of placements changes in an app that runs: pure, by account, since an account is in one place."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, structs

from botkit.app.bot import Bot
from botkit.app.placement import BotPlacement


class Changes(Struct, frozen=True, kw_only=True):
    """The accounts of the bots that stay as they are, come, go, and are restarted; each in the order of its list.

    Those that are ``swapped`` run on with other code: their sessions stay.
    """

    kept: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    swapped: tuple[str, ...] = ()

    @property
    def fresh(self) -> tuple[str, ...]:
        """Those that begin anew."""
        return (*self.started, *self.restarted)

    @property
    def ending(self) -> tuple[str, ...]:
        """Those whose present life ends."""
        return (*self.stopped, *self.restarted)


def compare(old: Mapping[str, BotPlacement], new: Mapping[str, BotPlacement]) -> Changes:
    """What becomes of the bots of ``old`` when ``new`` is in force, both by account.

    A bot is kept when nothing of its placement differs: the ``Bot`` is the same object, and all else is equal. It is
    swapped when the ``Bot`` is another one of the same name, in the same place: another version of its code.
    """
    both = {account: _fate(old[account], placement) for account, placement in new.items() if account in old}
    return Changes(
        kept=tuple(account for account, fate in both.items() if fate == "kept"),
        started=tuple(account for account in new if account not in old),
        stopped=tuple(account for account in old if account not in new),
        restarted=tuple(account for account, fate in both.items() if fate == "restarted"),
        swapped=tuple(account for account, fate in both.items() if fate == "swapped"),
    )


def restart_instead(changes: Changes, accounts: Sequence[str]) -> Changes:
    """The same, but that of those to be swapped these are restarted: they are not at work, and have nothing to keep."""
    swapped = tuple(account for account in changes.swapped if account not in accounts)
    return structs.replace(changes, swapped=swapped, restarted=(*changes.restarted, *accounts))


def _fate(old: BotPlacement, new: BotPlacement) -> str:
    if old.bot is new.bot and type(old.settings) is type(new.settings) and old == new:
        return "kept"
    is_version = old.bot is not new.bot and old.bot.name == new.bot.name
    return "swapped" if is_version and _place(old) == _place(new) else "restarted"


def _place(placement: BotPlacement) -> BotPlacement:
    """Where a bot is, without what belongs to its code, or is checked with it."""
    return structs.replace(placement, bot=_NO_CODE, settings=None, limits=None, loops=None, roles={})


_NO_CODE = Bot("any")
