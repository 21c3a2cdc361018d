"""A configuration file, or code, that is read again while its bots run: the bots follow, or all stays as it is."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.app import App
from botkit.app.changes import Changes
from botkit.config.loading import Config
from botkit.errors import BotkitError, ConfigError
from botkit.observability.logs import LogLevel
from botkit.observability.metrics import Meters
from botkit.operations.code import ProjectCode, Renewal
from botkit.types import JsonObject

BOTS = "bots"
LIVE = (BOTS, "log.level", "operations.canary_seconds", "outgoing.queue", "outgoing.retry_seconds")
"""What can change while the process runs; for all else it must be restarted."""

_KEPT = "the new configuration is not in force: all runs on as before"

_KEPT_CODE = "the new code is not in force: the old goes on"

_log: FilteringBoundLogger = structlog.get_logger("botkit.operations")


class ConfigReload:
    """Brings the file anew to ``apps``, which run by ``config``; ``load`` reads and checks it, in another thread.

    What may differ in it is ``LIVE``. ``on_log_level`` gets the level of the logs.

    ``apps`` are those with bots, in any order. With ``code``, what of that has changed is imported anew, too; then
    ``load`` is called in the loop's thread, so that no handler sees a half of it. Counts ``config_reloads`` by
    ``outcome``: ``applied``; ``invalid``, when the file or the code has a mistake; ``refused``, when it changes what
    only a restart can; ``failed``, when an app does not follow.
    """

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        apps: Sequence[App],
        meters: Meters,
        *,
        code: ProjectCode | None = None,
        on_log_level: Callable[[LogLevel], None] = lambda _level: None,
    ) -> None:
        self._config, self._load, self._code = config, load, code
        self._on_log_level = on_log_level
        self._apps: Mapping[str, App] = {app.signal.app_id: app for app in apps}
        self._outcomes = meters.counter("config_reloads", "Configuration files read again, by outcome", "outcome")
        self._turn = trio.Lock()
        self._text = self._read_text()
        self._behind = False
        """Whether the last attempt has left something undone."""

    async def reload(self) -> None:
        """Read the file, and apply what has changed in its bots; else log what is wrong, and change nothing.

        Raises nothing. A cancel waits until the file is read; apps that have not begun with it by then do not.
        """
        async with self._turn:
            await self._reload()

    async def follow(self) -> None:
        """Like ``reload``, if the file or the code is no longer as it is in force, or the last attempt has failed."""
        async with self._turn:
            if self._behind or (self._code is not None and self._code.changed()) or self._read_text() != self._text:
                await self._reload()

    async def _reload(self) -> None:
        self._behind, self._text = True, self._read_text()
        renewal = None if self._code is None else self._code.renew()
        applied = False
        try:
            config = await self._read(renewal)
            if config is not None:
                applied = await self._apply(config, renewal)
        finally:
            if renewal is not None and not applied:
                renewal.put_back()

    async def _read(self, renewal: Renewal | None) -> Config | None:
        """The file's configuration; None, and a line in the log, when it cannot be in force."""
        kept = _KEPT_CODE if renewal is not None and renewal.names else _KEPT
        try:
            config = self._load() if renewal is not None else await trio.to_thread.run_sync(self._load)
            complaint = self._unchangeable(config)
        except ConfigError as error:
            self._keep(kept, "invalid", error)
            return None
        except Exception as error:  # noqa: BLE001 - the border: a settings type of somebody else's may raise anything
            self._outcomes.add_for("invalid")
            _log.error(kept, file=self._config.document.name, error=f"{type(error).__name__}: {error}", exc_info=error)
            return None
        if complaint is not None:
            self._keep(kept, "refused", complaint)
            return None
        return config

    async def _apply(self, config: Config, renewal: Renewal | None) -> bool:
        """Whether an app follows it."""
        self._on_log_level(config.log.level)
        changes: dict[str, Changes] = {}
        for app in config.apps:
            if bots := config.bots_of(app):
                placements = [bot.placement for bot in bots]
                self._apps[app.id].tune(governor=config.governor, canary_seconds=config.canary_seconds)
                try:
                    changes[app.id] = await self._apps[app.id].apply(placements, keys=[bot.plan.key for bot in bots])
                except BotkitError as error:
                    self._outcomes.add_for("failed")
                    cause = error.__cause__  # with its traceback: where the bot's own code failed
                    _log.error("an app does not follow", app=app.id, error=str(error), exc_info=cause)
        if not changes:
            return False
        self._config = config
        if len(changes) == len(self._apps):
            self._behind = False
            self._outcomes.add_for("applied")
        if renewal is not None and renewal.names:
            _log.info("new code is in force", modules=sorted(renewal.names), **_facts(changes))
        else:
            _log.info("configuration read again", file=config.document.name, **_facts(changes))
        return True

    def _read_text(self) -> bytes | None:
        try:
            return Path(self._config.document.name).read_bytes()
        except OSError:
            return None

    def _keep(self, kept: str, outcome: str, error: ConfigError) -> None:
        self._outcomes.add_for(outcome)
        _log.error(kept, file=error.file, key=error.key, problem=error.problem, hint=error.hint)

    def _unchangeable(self, config: Config) -> ConfigError | None:
        """What is wrong with a file that differs where a process that runs cannot follow."""
        hint = f"restart the process for that; while it runs, these can change: {', '.join(LIVE)}"
        changed = _changed(self._config.document.value, config.document.value)
        if changed:
            others = f" (and {', '.join('.'.join(path) for path in changed[1:])})" if changed[1:] else ""
            return config.document.error(changed[0], f"has changed{others}", hint)
        at_work = {app.id for app in config.apps if config.bots_of(app)}
        for app_id in at_work ^ set(self._apps):
            problem = f"app {app_id} had no bots at the start" if app_id in at_work else f"app {app_id} has none left"
            return config.document.error((BOTS,), problem, hint)
        return None


def _changed(old: JsonObject, new: JsonObject) -> list[tuple[str, ...]]:
    """The keys that differ where a process that runs cannot follow."""
    paths: list[tuple[str, ...]] = []
    for section in dict.fromkeys((*new, *old)):
        before, after = old.get(section), new.get(section)
        if isinstance(before, list) or isinstance(after, list):
            paths += [(section,)] if before != after else []
            continue
        before, after = (part if isinstance(part, dict) else {} for part in (before, after))
        paths += [(section, key) for key in dict.fromkeys((*after, *before)) if before.get(key) != after.get(key)]
    return [path for path in paths if path[0] != BOTS and ".".join(path) not in LIVE]


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
        "swapped": names(lambda change: change.swapped),
    }
