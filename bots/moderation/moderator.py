"""The moderator: facts go through the lanes, held messages get their verdict in time, cases are made behind it."""

from collections.abc import Callable, Sequence
from functools import partial

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit import LoginSession, MessageHeld, SignalingError, WallClock
from bots.moderation.cases.facts import Draft
from bots.moderation.echoes import Echoes
from bots.moderation.lanes import RunningLane, rules_of_lanes
from bots.moderation.meters import ModerationMeters
from bots.moderation.notices import as_reason
from bots.moderation.recorder import Recorder
from bots.moderation.rules import Fact, Joined, Judgement, Message, RuleSet, Scores, Verdict
from bots.moderation.scoring import Scorers
from bots.moderation.settings import HoldSettings, ModerationSettings
from bots.moderation.workers import Workers

SHARE_OF_BUDGET = 0.7
"""Of a held message's time, what scorers may take; the rest is for the way to the gateway."""

SCORER_SECONDS = 5.0
"""What they may take for a message that is not held."""

_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class Moderator:
    """Judges what happens in the bot's channels. ``lanes``: the one that acts is the first.

    ``bell`` tells moderators that something does not work.
    """

    def __init__(
        self,
        settings: ModerationSettings,
        lanes: Sequence[RunningLane],
        *,
        scorers: Scorers,
        recorder: Recorder,
        workers: Workers,
        clock: WallClock,
        meters: ModerationMeters,
        bell: Callable[[str], None],
    ) -> None:
        self._bell = bell
        self._settings, self.lanes, self._scorers = settings, lanes, scorers
        self._workers, self._clock, self._meters = workers, clock, meters
        self._echoes, self._recorder = Echoes(), recorder
        self._broken: set[str] = set()

    @property
    def acting(self) -> RunningLane:
        """The lane that acts."""
        return self.lanes[0]

    async def on_message(self, message: Message) -> None:
        """A message that was delivered: it is judged, unless it was before its delivery."""
        if self._echoes.take(message.channel, message.account, message.text):
            return
        scores = await self._scores(message, SCORER_SECONDS)
        self._meters.judged.add_for("delivered")
        for lane, judgement in self._judge(message, scores):
            self._enforce(lane, message, judgement, held=False)

    def on_joined(self, joined: Joined) -> None:
        """Somebody came in; told twice, it counts once."""
        for lane, judgement in self._judge(joined, {}):
            self._enforce(lane, joined, judgement, held=False)

    async def on_held(self, held: MessageHeld, message: Message, session: LoginSession) -> None:
        """A message that waits for a verdict: it gets one within its time, and nobody hears what is refused.

        A verdict that came too late is carried out all the same when the message went its way meanwhile. What was held
        is judged once: its delivery, which may be told before this is over, is old news.
        """
        self._echoes.expect(message.channel, message.account, message.text)
        scores = await self._scores(message, held.budget_ms / 1000 * SHARE_OF_BUDGET)
        self._meters.judged.add_for("held")
        judged = self._judge(message, scores)
        refusal = self._refusal(message, judged[0][1])
        in_time = await self._answer(held, session, refusal)
        delivered = not refusal if in_time else self._policy == "open"
        if not delivered:
            self._echoes.take(message.channel, message.account, message.text)
        for lane, judgement in judged:
            if in_time or delivered:
                self._enforce(lane, message, judgement, held=in_time, refused=refusal if in_time else "")
            else:  # nobody has heard it, and it was not for what the rules say
                lane.forgive(judgement.marks)

    def forget_channel(self, channel: str) -> None:
        """A session came into its channel anew: what it was still to hear was told to the one before."""
        self._echoes.forget(channel)

    def change_rules(self, rules: RuleSet) -> None:
        """Go over to other rules."""
        self._broken.clear()
        for lane, its_rules in zip(self.lanes, rules_of_lanes(rules), strict=True):
            lane.change_rules(its_rules)

    async def _scores(self, message: Message, seconds: float) -> Scores:
        wanted = {name for lane in self.lanes for name in lane.rules.scorers}
        if not wanted:
            return {}
        with trio.move_on_after(seconds):
            return await self._scorers.score(wanted, message.text)
        return {}

    def _judge(self, fact: Fact, scores: Scores) -> list[tuple[RunningLane, Judgement]]:
        self._recorder.note(fact)
        judged = [(lane, lane.judge(fact, scores)) for lane in self.lanes]
        failing = {failure.rule: failure.error for _, judgement in judged for failure in judgement.failures}
        for rule, error in failing.items():
            self._meters.rule_failures.add_for(rule)
            if rule not in self._broken:
                self._bell(f"Rule {rule} cannot judge, and is off until it can: {type(error).__name__}: {error}")
        if isinstance(fact, Message):
            for rule in self._broken.difference(failing):
                self._bell(f"Rule {rule} can judge again.")
            self._broken = set(failing)
        return judged

    def _refusal(self, message: Message, judgement: Judgement) -> str:
        """Why the message is not delivered; empty when it is."""
        refusing = Judgement(tuple(verdict for verdict in judgement.verdicts if not verdict.deliver)).chosen
        lane = self.acting
        if refusing is not None:
            draft = lane.draft(message, judgement, refusing, held=True)
            return lane.enforcer.planner.refusal(draft, refusing.actions)
        if not judgement.failures:
            return ""
        self._meters.unjudged.add_for(self._policy)
        return as_reason(self._settings.texts.unjudged) if self._policy == "closed" else ""

    @property
    def _policy(self) -> str:
        """What becomes of a message without a verdict."""
        return (self._settings.hold or HoldSettings()).when_silent

    async def _answer(self, held: MessageHeld, session: LoginSession, refusal: str) -> bool:
        """Tell the gateway; False when it was too late for that, and the message went its way by the policy."""
        try:
            if refusal:
                await session.judge(held.number, "drop", reason=refusal)
                self._meters.refused.add()
            else:
                await session.judge(held.number, "deliver")
        except SignalingError as error:
            self._meters.late.add()
            _log.warning("verdict came too late", channel=held.channel, by=held.account, problem=str(error))
            return False
        return True

    def _enforce(self, lane: RunningLane, fact: Fact, judgement: Judgement, *, held: bool, refused: str = "") -> None:
        for verdict in judgement.verdicts:
            self._meters.hits.add_for(verdict.rule)
        chosen = judgement.chosen
        if chosen is None or (chosen.again and chosen.kind != "join_wave"):
            return
        draft = lane.draft(fact, judgement, chosen, held=held)
        told = refused if lane is self.acting else self._told(lane, draft, chosen, held=held)
        self._workers.post(draft.account or draft.channel, "case", partial(lane.enforce, draft, chosen, refused=told))

    def _told(self, lane: RunningLane, draft: Draft, verdict: Verdict, *, held: bool) -> str:
        """What the author would have been told in a lane that does not act."""
        return lane.enforcer.planner.refusal(draft, verdict.actions) if held and not verdict.deliver else ""
