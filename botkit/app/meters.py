"""What the app counts. Labels are names of bots and feeds, whose number the configuration bounds."""

from botkit.observability.metrics import Meters

_SECONDS = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0)


class AppMeters:
    """The meters of bots and feeds."""

    def __init__(self, meters: Meters) -> None:
        self.meters = meters
        self._count_events(meters)
        self._count_talks(meters)
        self._count_lives(meters)
        self._count_effects(meters)
        self._count_feeds(meters)
        self.handling_seconds = meters.histogram(
            "bot_handling_seconds", "Seconds from the first handler's begin to the last one's end", _SECONDS
        )

    def _count_events(self, meters: Meters) -> None:
        """What came to bots, and what became of it in handlers."""
        counter = meters.counter
        self.events = counter("bot_events", "Events that came to a bot's sessions or from feeds", "bot")
        self.unhandled = counter("bot_events_unhandled", "Events that no handler wanted", "bot")
        self.dropped = counter("bot_events_dropped", "Events dropped since too many of their key waited", "bot")
        self.losses = counter("bot_losses", "Times that a bot was told that events are missing", "bot")
        self.events_lost = counter("bot_events_lost", "Of these events those whose number is known", "bot")
        self.handler_errors = counter("bot_handler_errors", "Handlers that raised", "bot")
        self.handler_failures = counter(
            "bot_handler_failures",
            "Handlers that raised, took too long, cancelled themselves or returned a value, by name",
            "handler",
        )
        self.handler_timeouts = counter("bot_handler_timeouts", "Handlers that took longer than their timeout", "bot")
        self.handlers_overdue = counter(
            "bot_handlers_overdue", "Handlers that went on although they were cancelled at their timeout", "bot"
        )
        self.errors_unhandled = counter("bot_errors_unhandled", "Errors that no handler of errors took", "bot")
        self.error_handler_errors = counter("bot_error_handler_errors", "Handlers of errors that failed", "bot")
        self.filter_errors = counter("bot_filter_errors", "Filters that raised", "bot")

    def _count_talks(self, meters: Meters) -> None:
        """Commands, conversations, loops with other bots, and beats."""
        counter = meters.counter
        self.commands_refused = counter("bot_commands_refused", "Commands that their senders had no role for", "bot")
        self.loops_broken = counter("bot_loops_broken", "Loops with other bots that were broken", "bot")
        self.loop_messages = counter(
            "bot_loop_messages", "Messages of accounts that are not listened to since they are in a loop", "bot"
        )
        self.beats_left_out = counter("bot_beats_left_out", "Beats of every() that came while the last one ran", "bot")
        self.conversations_refused = counter("bot_conversations_refused", "Conversations above the bound", "bot")
        self.conversations_unreadable = counter(
            "bot_conversations_unreadable", "Stored conversations that this version of the bot cannot read", "bot"
        )
        self.conversations_timed_out = counter("bot_conversations_timed_out", "Conversations that timed out", "bot")

    def _count_lives(self, meters: Meters) -> None:
        """Starts and ends of bots, sessions and pools."""
        counter = meters.counter
        self.canary_failures = counter("canary_failures", "Rounds in which the canary could not sing")
        self.restarts = counter("bot_restarts", "Bots that were started again after an error", "bot")
        self.swaps = counter("bot_swaps", "Times that the code of a bot was exchanged while it ran", "bot")
        self.session_restarts = counter("bot_session_restarts", "Sessions that were opened again after an end", "bot")
        self.sessions_lost = counter(
            "bot_sessions_lost", "Sessions over for good: their accounts logged in elsewhere, or were banned", "bot"
        )
        self.quarantines = counter("bot_quarantines", "Times that a bot came into quarantine", "bot")
        self.readmissions = counter("bot_readmissions", "Bots that a probe has let in again", "bot")
        self.given_up = counter("bots_given_up", "Bots that ended for good although nobody asked for it", "bot")
        self.pool_channels_left_out = counter(
            "pool_channels_left_out", "Channels that had to wait since all sessions of a pool were in others", "bot"
        )
        self.pool_accounts_lost = counter(
            "pool_accounts_lost", "Accounts of a pool that logged in elsewhere or were banned, of no more use", "bot"
        )
        self.unplanned_ends = counter(
            "unplanned_ends", "Bots, sessions and feeds that ended otherwise than planned, by kind", "kind"
        )

    def _count_effects(self, meters: Meters) -> None:
        """What bots did to others."""
        counter = meters.counter
        self.effects = counter("effects", "What bots did to others, or would have done in a dry run", "verb")
        self.effects_failed = counter("effects_failed", "Of these, what was refused, unanswered or given up", "verb")
        self.effects_dry = counter("effects_dry", "Of these, what a dry run held back", "bot")

    def _count_feeds(self, meters: Meters) -> None:
        """What the feeds told, and their lives."""
        counter = meters.counter
        self.feed_events = counter("feed_events", "Events that came from a special channel", "feed")
        self.feed_events_dropped = counter("feed_events_dropped", "Feed events that a full mailbox dropped", "bot")
        self.feed_losses = counter("feed_losses", "Times that events of a special channel were told to be lost", "feed")
        self.feed_restarts = counter("feed_restarts", "Feed sessions that were opened again after an end", "feed")
        self.feed_quarantines = counter("feed_quarantines", "Times that a feed came into quarantine", "feed")
        self.feed_readmissions = counter("feed_readmissions", "Feeds that a probe has let in again", "feed")
        self.feeds_given_up = counter("feeds_given_up", "Feeds that ended for good", "feed")
