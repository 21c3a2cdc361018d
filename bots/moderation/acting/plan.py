"""Which acts a verdict leads to. Pure: the account's strikes and the time come in."""

from collections.abc import Sequence

from bots.moderation.cases.facts import Act, Draft
from bots.moderation.notices import Texts, as_reason, fill
from bots.moderation.rules.actions import Action, format_seconds
from bots.moderation.settings import Ladder

RAID = "raid mode: newcomers cannot write yet"
"""The reason of a mute in quarantine."""


class Planner:
    """Makes acts of actions. ``alerts`` are the accounts that moderators are told under."""

    def __init__(self, ladder: Ladder, texts: Texts, alerts: Sequence[str] = ()) -> None:
        self._ladder, self._texts, self._alerts = ladder, texts, alerts

    def plan(
        self, draft: Draft, actions: Sequence[Action], *, strikes: int, now: int, accounts: Sequence[str] = ()
    ) -> list[Act]:
        """The acts of a case, in the order of ``actions``. ``strikes``: those that the account has before this.

        ``now`` (milliseconds since 1970) is from when sanctions count; ``accounts`` are those for the quarantine.
        """
        acts: list[Act] = []
        for action in actions:
            if action.verb == "strike":
                strikes += 1
                until = now + self._ladder.decay_ms
                acts.append(Act(verb="strike", account=draft.account, until_ms=until))
                action = self._ladder.step(strikes)  # noqa: PLW2901 - what the strike leads to
            if action.verb == "quarantine":
                acts += self.quarantine(draft.channel, accounts)
            else:
                acts += self._acts(draft, action, strikes, now)
        return acts

    def quarantine(self, channel: str, accounts: Sequence[str]) -> list[Act]:
        """A mute in the channel for each, until the raid is over."""
        return [Act(verb="mute", account=account, channel=channel, text=RAID) for account in accounts]

    def refusal(self, draft: Draft, actions: Sequence[Action]) -> str:
        """What the author of a message that is not delivered is told."""
        template = self._texts.hold if any(action.verb == "hold" for action in actions) else self._texts.drop
        return as_reason(fill(template, _values(draft)))

    def _acts(self, draft: Draft, action: Action, strikes: int, now: int) -> list[Act]:
        account, channel = draft.account, draft.channel
        until = now + round(action.seconds * 1000) if action.seconds else 0
        values = _values(draft, strikes=strikes, seconds=action.seconds)
        reason = as_reason(fill(self._texts.reason, values))
        match action.verb:
            case "warn":
                return [Act(verb="warn", account=account, text=fill(self._texts.warn, values))]
            case "notice":
                return [Act(verb="notice", channel=channel, text=fill(self._texts.notice, values))]
            case "alert":
                text = fill(self._texts.alert, values)
                return [Act(verb="alert", account=one, text=text) for one in self._alerts]
            case "hold":
                return [Act(verb="hold", account=account, channel=channel, text=draft.text)]
            case "slow":
                return [Act(verb="slow", channel=channel, rate=action.rate, until_ms=until)]
            case "mute":
                where = "" if action.everywhere else channel
                mute = Act(verb="mute", account=account, channel=where, until_ms=until, text=reason)
                return [mute, Act(verb="tell", account=account, text=fill(self._texts.mute, values))]
            case "kick":
                kick = Act(verb="kick", account=account, channel=channel, text=reason)
                return [kick, Act(verb="tell", account=account, text=fill(self._texts.kick, values))]
            case "ban":  # told first: afterwards it can read nothing any more
                tell = Act(verb="tell", account=account, text=fill(self._texts.ban, values))
                return [tell, Act(verb="ban", account=account, until_ms=until, text=reason)]
            case _:
                return []


def _values(draft: Draft, *, strikes: int = 0, seconds: float = 0) -> dict[str, str | int]:
    return {
        "account": draft.account,
        "channel": draft.channel,
        "rule": draft.rule,
        "evidence": draft.evidence,
        "detail": draft.detail or "the rules",
        "strikes": strikes,
        "time": f"for {format_seconds(seconds)}" if seconds else "for good",
        "case": CASE_FIELD,
    }


CASE_FIELD = "{case}"
"""The number of a case is only known once it is written: it is filled in when the text is sent."""


def with_case(text: str, case: int) -> str:
    """A planned text with the number of its case."""
    return text.replace(CASE_FIELD, str(case))
