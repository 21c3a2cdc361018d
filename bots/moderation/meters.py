"""What the bot counts. The metrics are those of the process, ``botkit_moderation_…``."""

from botkit import Meters


class ModerationMeters:
    """The meters; labels are verbs, outcomes and the rules of the file, which are few."""

    def __init__(self, meters: Meters) -> None:
        counter = meters.counter
        self.judged = counter("moderation_judged", "Messages that were judged, by when: held, delivered", "when")
        self.hits = counter("moderation_hits", "Verdicts of rules, by rule", "rule")
        self.refused = counter("moderation_refused", "Messages that were not delivered")
        self.unjudged = counter("moderation_unjudged", "Held messages that could not be judged, by policy", "policy")
        self.late = counter("moderation_late", "Verdicts that came when the message's time was over")
        self.cases = counter("moderation_cases", "Cases, by lane: live, shadow, dry", "lane")
        self.acts = counter("moderation_acts", "What was done in cases, by verb and outcome", "act")
        self.rule_failures = counter("moderation_rule_failures", "Facts that a rule could not judge", "rule")
        self.left_out = counter("moderation_left_out", "What was not done, since too much was waiting", "what")
        self.undone = counter("moderation_undone", "Cases that were taken back")
        self.retries = counter("moderation_retries", "Tries to set what is in force that failed")
        self.reloads = counter("moderation_reloads", "Files of rules read again, by outcome", "outcome")
