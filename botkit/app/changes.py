"""What a new list of placements changes in an app that runs: pure, by account, since an account is in one place."""

from collections.abc import Mapping

from msgspec import Struct

from botkit.app.placement import BotPlacement


class Changes(Struct, frozen=True, kw_only=True):
    """The accounts of the bots that stay as they are, come, go, and are restarted; each in the order of its list."""

    kept: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()

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

    A bot is kept when nothing of its placement differs: the ``Bot`` is the same object, and all else is equal.
    """
    return Changes(
        kept=tuple(account for account in new if account in old and _is_same(old[account], new[account])),
        started=tuple(account for account in new if account not in old),
        stopped=tuple(account for account in old if account not in new),
        restarted=tuple(account for account in new if account in old and not _is_same(old[account], new[account])),
    )


def _is_same(old: BotPlacement, new: BotPlacement) -> bool:
    return old.bot is new.bot and type(old.settings) is type(new.settings) and old == new
