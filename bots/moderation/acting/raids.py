"""Raid mode: from the first wave of joins into a channel until it has been quiet for long enough.

A raid is one case. Its limit on the channel and its quarantine hold as long as it is open; who joins meanwhile is added
to the quarantine. When it is quiet the case ends, and all that it put in force goes back to what was there before.
"""

from collections.abc import Mapping

import structlog
from structlog.typing import FilteringBoundLogger

from botkit import BotkitError
from bots.moderation.acting.enforcer import Enforcer
from bots.moderation.cases import queries
from bots.moderation.cases.facts import Draft
from bots.moderation.cases.ledger import Ledger
from bots.moderation.rules import RuleState, Verdict
from bots.moderation.rules.settings import JoinWaveRule

MAX_QUARANTINED = 5_000
"""Accounts that one raid puts in quarantine."""

_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class Raids:
    """The raids of one lane. ``state`` is that of its rules, which knows until when a raid goes on."""

    def __init__(self, enforcer: Enforcer, ledger: Ledger, state: RuleState, account: str) -> None:
        self._enforcer, self._ledger, self._state, self._account = enforcer, ledger, state, account
        self._open: dict[tuple[str, str], int] = {}
        self._quarantined: dict[int, set[str]] = {}

    @property
    def open(self) -> Mapping[tuple[str, str], int]:
        """The case of each raid that goes on, by channel and rule."""
        return self._open

    async def load(self, rules: Mapping[str, JoinWaveRule], now: int) -> None:
        """Take over the raids that an earlier run left open: each goes on until it is quiet from now on."""
        for case, channel, rule in await queries.open_raids(self._ledger.database, self._enforcer.lane):
            self._open[channel, rule] = case
            quiet_ms = round(rules[rule].quiet_seconds * 1000) if rule in rules else 0
            self._state.keep_quiet(rule, channel, now + quiet_ms)

    async def on_verdict(self, draft: Draft, verdict: Verdict) -> None:
        """Somebody came with a wave, or into a raid that goes on. Raises ``StoreError``."""
        place = (draft.channel, verdict.rule)
        case = self._open.get(place)
        if case is None:
            report = await self._enforcer.enforce(draft, verdict.actions, accounts=verdict.accounts)
            self._open[place] = report.case
            self._quarantined[report.case] = set(verdict.accounts)
        elif any(action.verb == "quarantine" for action in verdict.actions):
            await self._add(case, draft, verdict)

    async def end_quiet(self, now: int) -> None:
        """End the raids that are over at ``now``. Raises ``StoreError``."""
        for (channel, rule), case in list(self._open.items()):
            if not self._state.is_quiet(rule, channel, now):
                del self._open[channel, rule]
                self._quarantined.pop(case, None)
                await self._ledger.end(case, self._enforcer.lane, self._account, now)
                _log.info("raid is over", lane=self._enforcer.lane, case=case, channel=channel, rule=rule)

    def forget(self, case: int) -> None:
        """The case was undone: the raid is over, and what comes next is a new one."""
        self._open = {place: number for place, number in self._open.items() if number != case}
        self._quarantined.pop(case, None)

    async def _add(self, case: int, draft: Draft, verdict: Verdict) -> None:
        known = self._quarantined.setdefault(case, set())
        fresh = [account for account in verdict.accounts if account not in known]
        fresh = fresh[: MAX_QUARANTINED - len(known)]
        if not fresh:
            return
        known.update(fresh)
        try:
            await self._enforcer.extend(case, draft, self._enforcer.planner.quarantine(draft.channel, fresh))
        except BotkitError:
            known.difference_update(fresh)
            raise
