"""A configuration file that is read again while its bots run: the bots follow it, or all stays as it is."""

from collections.abc import Callable, Mapping, Sequence

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.app import App
from botkit.app.changes import Changes
from botkit.config.loading import Config
from botkit.errors import BotkitError, ConfigError
from botkit.observability.metrics import Meters
from botkit.types import JsonObject

BOTS = "bots"
"""The one section whose changes can take effect while the process runs."""

_KEPT = "the new configuration is not in force: all runs on as before"

_log: FilteringBoundLogger = structlog.get_logger("botkit.operations")


class ConfigReload:
    """Brings the file anew to ``apps``, which run by ``config``; ``load`` reads and checks it, in another thread.

    ``apps`` are those with bots, in any order. Counts ``config_reloads`` by ``outcome``: ``applied``; ``invalid``, when
    the file has a mistake; ``refused``, when it changes what only a restart can; ``failed``, when an app is over.
    """

    def __init__(self, config: Config, load: Callable[[], Config], apps: Sequence[App], meters: Meters) -> None:
        self._config, self._load = config, load
        self._apps: Mapping[str, App] = {app.signal.app_id: app for app in apps}
        self._outcomes = meters.counter("config_reloads", "Configuration files read again, by outcome", "outcome")

    async def reload(self) -> None:
        """Read the file, and apply what has changed in its bots; else log what is wrong, and change nothing.

        Raises nothing. A cancel waits until the file is read; apps that have not begun with it by then do not.
        """
        try:
            config = await trio.to_thread.run_sync(self._load)
        except ConfigError as error:
            self._keep("invalid", error)
            return
        except Exception as error:  # noqa: BLE001 - the border: a settings type of somebody else's may raise anything
            self._outcomes.add_for("invalid")
            _log.error(_KEPT, file=self._config.document.name, error=f"{type(error).__name__}: {error}", exc_info=error)
            return
        complaint = self._unchangeable(config)
        if complaint is not None:
            self._keep("refused", complaint)
            return
        await self._apply(config)

    async def _apply(self, config: Config) -> None:
        changes: dict[str, Changes] = {}
        for app in config.apps:
            if bots := config.bots_of(app):
                placements = [bot.placement for bot in bots]
                try:
                    changes[app.id] = await self._apps[app.id].apply(placements, keys=[bot.plan.key for bot in bots])
                except BotkitError as error:
                    self._outcomes.add_for("failed")
                    _log.error("an app does not follow the new configuration", app=app.id, error=str(error))
        self._config = config
        if len(changes) == len(self._apps):
            self._outcomes.add_for("applied")
        _log.info("configuration read again", file=config.document.name, **_facts(changes))

    def _keep(self, outcome: str, error: ConfigError) -> None:
        self._outcomes.add_for(outcome)
        _log.error(_KEPT, file=error.file, key=error.key, problem=error.problem, hint=error.hint)

    def _unchangeable(self, config: Config) -> ConfigError | None:
        """What is wrong with a file that differs where a process that runs cannot follow."""
        hint = f"restart the process for that; only {BOTS} can change while it runs"
        changed = _changed(self._config.document.value, config.document.value)
        if changed:
            others = f" (and {', '.join(changed[1:])})" if changed[1:] else ""
            return config.document.error((changed[0],), f"has changed{others}", hint)
        at_work = {app.id for app in config.apps if config.bots_of(app)}
        for app_id in at_work ^ set(self._apps):
            problem = f"app {app_id} had no bots at the start" if app_id in at_work else f"app {app_id} has none left"
            return config.document.error((BOTS,), problem, hint)
        return None


def _changed(old: JsonObject, new: JsonObject) -> list[str]:
    """The sections, other than that of the bots, that differ."""
    return [key for key in {**old, **new} if key != BOTS and old.get(key) != new.get(key)]


def _facts(changes: Mapping[str, Changes]) -> dict[str, list[str]]:
    """The accounts of all apps; with their app's id, where there are several."""

    def names(pick: Callable[[Changes], Sequence[str]]) -> list[str]:
        several = len(changes) > 1
        return [f"{app}: {one}" if several else one for app, change in changes.items() for one in pick(change)]

    return {
        "kept": names(lambda change: change.kept),
        "started": names(lambda change: change.started),
        "stopped": names(lambda change: change.stopped),
        "restarted": names(lambda change: change.restarted),
    }
