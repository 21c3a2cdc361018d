"""What stands under ``settings:`` of a call agent in the YAML."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from botkit import ConfigError, load_settings, sqlite_path
from bots.call_agent.campaigns import CampaignSettings
from bots.call_agent.flow.flows import GREETING, Flow
from bots.call_agent.flow.steps import Text
from bots.call_agent.hours import parse_hours, time_zone
from bots.call_agent.phases import CallLimits

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALL_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Pattern: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]


class RefuseRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Invitations that are refused, whatever else fits: the caller is told ``reason``.

    ``caller``, ``channel`` and the values of ``extra``, what the invitation's JSON has under a key, are patterns.
    """

    caller: Pattern = "*"
    channel: Pattern = "*"
    extra: dict[str, Pattern] = {}
    reason: Annotated[str, Meta(min_length=1, max_length=200)] = "refused"


class AcceptRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Invitations that are accepted: from such a caller to such a channel, on these days, in these hours.

    ``extra``: what the invitation's JSON has under these keys; all values are patterns. ``hours`` are local time of
    ``timezone``, from and until: ``09:00-17:30``; ``22:00-06:00`` goes on past midnight, and belongs to the day on
    which it begins; empty is all day. ``while_below``: only as long as fewer calls than that are going on, so that the
    last places are kept for other rules.
    """

    caller: Pattern = "*"
    channel: Pattern = "*"
    extra: dict[str, Pattern] = {}
    hours: str = ""
    days: tuple[Day, ...] = ALL_DAYS
    timezone: str = "UTC"
    while_below: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if not self.days:
            raise ConfigError("is empty", key="days", hint="list some of mon, tue, …, or leave it out for all of them")
        if self.hours:
            parse_hours(self.hours)
        time_zone(self.timezone)


class CallAgentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it; every key may be left out.

    **Who is let in.** A rule of ``refuse`` that fits refuses; else a rule of ``accept`` must fit, and fewer than
    ``max_calls`` calls be going on. **What happens** is ``flow``: written here, or the path of a file of its own; read
    anew with the configuration. A bot made with ``call_agent`` has a handler in its place.

    **Until when.** An invitation is answered within ``ring_seconds``. No call lasts longer than ``max_call_seconds``;
    one in which nothing is said or pressed for ``idle_seconds`` ends, and hears ``farewell``, within
    ``wrap_up_seconds``. A stop of the process lets calls go on for up to ``drain_seconds`` and takes no new ones.

    ``campaign`` calls people by a list. ``database`` is where the call records are kept, for ``keep_days``:
    ``sqlite:///`` and a path, relative to where botkit was started.
    """

    accept: Annotated[tuple[AcceptRule, ...], Meta(max_length=1_000)] = (AcceptRule(),)
    refuse: Annotated[tuple[RefuseRule, ...], Meta(max_length=1_000)] = ()
    max_calls: Annotated[int, Meta(ge=1, le=1_000)] = 10
    flow: Flow | str = GREETING
    ring_seconds: _Seconds = 10
    max_call_seconds: _Seconds = 3_600
    idle_seconds: _Seconds = 180
    wrap_up_seconds: Annotated[float, Meta(gt=0, le=60)] = 5
    drain_seconds: Annotated[float, Meta(ge=0, le=3_600)] = 30
    farewell: Text = "Goodbye."
    campaign: CampaignSettings | None = None
    database: str = "sqlite:///var/calls.db"
    keep_days: Annotated[float, Meta(gt=0, le=3_650)] = 90

    def __post_init__(self) -> None:
        if not self.accept and self.campaign is None:
            raise ConfigError("is empty, so no call would be taken", key="accept", hint="give a rule, or leave it out")
        sqlite_path(self.database, "database")
        if isinstance(self.flow, str):
            force_setattr(self, "flow", load_settings(Path(self.flow), Flow))

    @property
    def checked_flow(self) -> Flow:
        """The flow, wherever it was written."""
        assert isinstance(self.flow, Flow)  # a path was read when the settings were made
        return self.flow

    @property
    def limits(self) -> CallLimits:
        """How long a call may be in each phase."""
        return CallLimits(
            ring_seconds=self.ring_seconds,
            max_seconds=self.max_call_seconds,
            idle_seconds=self.idle_seconds,
            wrap_up_seconds=self.wrap_up_seconds,
        )
