"""The bot's settings, as the YAML has them under ``settings``. What cannot be meant is refused with its reason."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from botkit import ConfigError, load_settings, sqlite_path
from bots.moderation.notices import Texts
from bots.moderation.places import about
from bots.moderation.recorder import RecordSettings
from bots.moderation.rules.actions import Action, parse_action, parse_seconds
from bots.moderation.rules.settings import (
    MODERATORS,
    AnyRule,
    Exempt,
    FloodRule,
    JoinWaveRule,
    Patterns,
    RepeatRule,
    RuleFile,
    Rules,
    ScoreRule,
    check_rules,
)
from bots.moderation.scorers.opening import check_scorers
from bots.moderation.scorers.settings import ScorerSettings

DEFAULT_RULES: tuple[AnyRule, ...] = (
    FloodRule(id="flood"),
    RepeatRule(id="repeat"),
    JoinWaveRule(id="raid"),
)

_Steps: TypeAlias = Annotated[tuple[str, ...], Meta(min_length=1, max_length=20)]


class Ladder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What strikes lead to: the first to the first of ``steps``, and so on; further ones to the last.

    A strike is forgotten after ``decay``. Steps are actions such as ``warn`` and ``mute 10m``, but no strikes.
    """

    steps: _Steps = ("warn", "warn", "mute 10m", "mute 1h", "ban 1d")
    decay: str = "1d"

    def __post_init__(self) -> None:
        for index, step in enumerate(self.steps):
            key = f"steps[{index}]"
            with about(key):
                verb = parse_action(step).verb
            if verb in ("strike", "quarantine"):
                hint = "write what it leads to, such as warn, mute 10m or ban 1d"
                raise ConfigError(f"{step!r} is no step", key=key, hint=hint)
        with about("decay"):
            parse_seconds(self.decay)

    @property
    def decay_ms(self) -> int:
        """For how long a strike counts."""
        return round(parse_seconds(self.decay) * 1000)

    def step(self, strikes: int) -> Action:
        """What the strike of this number (1 is the first) leads to."""
        return parse_action(self.steps[min(strikes, len(self.steps)) - 1])


class HoldSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Judge messages before their delivery, each within ``budget_seconds``.

    What cannot be judged by then (the bot is gone, a scorer is dead) is delivered when the hold is ``open``, and
    refused when it is ``closed``. It needs the server role: without it messages are judged after their delivery.
    """

    budget_seconds: Annotated[float, Meta(ge=0.05, le=10)] = 1.0
    when_silent: Literal["open", "closed"] = "open"


class ModerationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it.

    ``rules`` are listed, or the path of a file that lists them (``rules:``, and ``exempt:`` for all of them). Rules of
    ``kind: score`` ask ``scorers``. ``hold: null`` judges after the delivery. ``alerts`` are accounts that are told
    what moderators should know. ``record`` writes down what is judged, for ``botkit moderation backtest``.
    ``database`` is ``sqlite:///`` and a path. Paths are relative to where botkit was started.
    """

    rules: Rules | str = DEFAULT_RULES
    scorers: Annotated[tuple[ScorerSettings, ...], Meta(max_length=100)] = ()
    exempt: Exempt = Exempt()
    ladder: Ladder = Ladder()
    hold: HoldSettings | None = HoldSettings()
    alerts: Patterns = ()
    texts: Texts = Texts()
    record: RecordSettings | None = None
    database: str = "sqlite:///var/moderation.db"
    file: RuleFile | None = None
    """What the file of rules said when the settings were read: so a reload notices that it has changed."""
    models: tuple[str, ...] = ()
    """The digests of the scorers' models, for the same reason."""

    def __post_init__(self) -> None:
        sqlite_path(self.database, "database")
        models = check_scorers(self.scorers)
        if self.models not in ((), models):
            raise ConfigError("is not written here", key="models", hint="name the files of models under scorers")
        force_setattr(self, "models", models)
        if isinstance(self.rules, str):
            force_setattr(self, "file", self.read_rules(self.rules))
        elif self.file is not None:
            raise ConfigError("is not written here", key="file", hint="name the file as rules")
        else:
            check_rules(self.rules)
            self._check_wanted_scorers(RuleFile(rules=self.rules))

    def read_rules(self, path: str) -> RuleFile:
        """The file of rules at ``path``. It blocks.

        Raises ``ConfigError`` with file, line and key, also when a rule wants a scorer that is not there.
        """
        return load_settings(Path(path), RuleFile, check=self._check_wanted_scorers)

    def rule_file(self, file: RuleFile | None = None) -> RuleFile:
        """The rules, and whom all of them leave alone; those of ``file`` in the place of the ones that were read."""
        listed = file or self._listed()
        exempts = (self.exempt, listed.exempt)
        return RuleFile(
            rules=listed.rules,
            exempt=Exempt(
                accounts=tuple(name for exempt in exempts for name in exempt.accounts),
                roles=(*MODERATORS, *(name for exempt in exempts for name in exempt.roles)),
                channels=tuple(name for exempt in exempts for name in exempt.channels),
            ),
        )

    def _listed(self) -> RuleFile:
        if self.file is not None:
            return self.file
        return RuleFile(rules=self.rules if not isinstance(self.rules, str) else ())

    def _check_wanted_scorers(self, file: RuleFile) -> None:
        names = [one.name for one in self.scorers]
        for index, rule in enumerate(file.rules):
            if isinstance(rule, ScoreRule) and rule.scorer not in names:
                problem = f"wants the scorer {rule.scorer!r}, which is not among scorers"
                hint = f"known there: {', '.join(names)}" if names else "add it there"
                raise ConfigError(problem, key=f"rules[{index}].scorer", hint=hint)
