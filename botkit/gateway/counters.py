"""What a gateway counts: one counter for every bound and every kind of trouble."""

from botkit.observability.metrics import Meters


class Counters:
    """All of a gateway's counters, named once. Plain integers: counting costs nothing on the hot path."""

    def __init__(self, meters: Meters) -> None:
        self._count_doors(meters)
        self._count_peers(meters)
        self._count_requests(meters)
        self._count_messages(meters)
        self._count_storage(meters)
        self._count_faults(meters)

    def _count_doors(self, meters: Meters) -> None:
        """Who comes in, and who may not."""
        counter = meters.counter
        self.connections = counter("gateway_connections_total", "TCP connections accepted")
        self.refused_connections = counter(
            "gateway_connections_refused_total", "connections beyond a limit, by whose", "whose"
        )
        self.refused_logins = counter("gateway_logins_refused_total", "logins beyond a rate, by whose", "whose")
        self.refused_origins = counter("gateway_origins_refused_total", "browsers on pages that may not connect")
        self.handshakes_failed = counter("gateway_handshakes_failed_total", "connections that never became WebSockets")
        self.failed_accepts = counter("gateway_failed_accepts_total", "connections that failed while being accepted")
        self.logins = counter("gateway_logins_total", "logins, by outcome", "outcome")
        self.logouts = counter("gateway_logouts_total", "sessions that ended, by reason", "reason")
        self.never_logged_in = counter("gateway_never_logged_in_total", "connections cut because they never logged in")

    def _count_peers(self, meters: Meters) -> None:
        """What peers send and are sent, and why one is cut."""
        counter = meters.counter
        self.frames_in = counter("gateway_frames_received_total", "frames received")
        self.frames_out = counter("gateway_frames_queued_total", "frames queued for a peer")
        self.bad_frames = counter("gateway_bad_frames_total", "malformed or oversized frames; each costs the peer")
        self.slow_peers = counter("gateway_slow_peers_total", "peers cut because they did not read")
        self.unanswered_peers = counter(
            "gateway_unanswered_peers_total", "peers cut because too much for them waited for the store"
        )
        self.crowded_peers = counter(
            "gateway_crowded_peers_total", "peers cut because too much waited for all of them, and for these most"
        )
        self.dead_peers = counter("gateway_dead_peers_total", "peers cut because they were silent")
        self.connection_errors = counter("gateway_connection_errors_total", "connections that failed by our own fault")
        self.blocked_loops = counter(
            "gateway_blocked_loops_total", "times that something in this process kept the gateway from listening"
        )

    def _count_requests(self, meters: Meters) -> None:
        """What is asked, and what is refused because it is too much."""
        counter = meters.counter
        self.requests = counter("gateway_requests_total", "requests, by function", "function")
        self.refusals = counter("gateway_refusals_total", "requests refused, by the vendor's code", "code")
        self.fast_changes = counter("gateway_fast_changes_total", "requests beyond the rate of changes of one user")
        self.refused_strangers = counter(
            "gateway_refused_strangers_total", "messages to accounts that never logged in, beyond the bound of those"
        )
        self.refused_attributes = counter(
            "gateway_attributes_refused_total", "attributes beyond a bound, by which one", "bound"
        )
        self.full_inboxes = counter(
            "gateway_inboxes_full_total", "messages refused because too much waited, by which bound", "bound"
        )
        self.cut_answers = counter(
            "gateway_answers_cut_total", "answers that left out what did not fit, by function", "function"
        )
        self.handler_errors = counter("gateway_handler_errors_total", "requests that failed by our own fault")

    def _count_messages(self, meters: Meters) -> None:
        """What goes from user to user, and who holds it up."""
        counter = meters.counter
        self.channel_messages = counter("gateway_channel_messages_total", "channel messages taken")
        self.instant_messages = counter("gateway_instant_messages_total", "instant messages taken")
        self.expired_messages = counter("gateway_expired_messages_total", "messages whose ttl ran out in the inbox")
        self.invitations = counter("gateway_invitations_total", "invitations, by how they ended", "outcome")
        self.delayed_attributes = counter(
            "gateway_delayed_attribute_events_total", "attribute events held back by the limit of 10/s per channel"
        )
        self.held_messages = counter("gateway_held_messages_total", "messages that met a hold, by outcome", "outcome")
        self.silent_moderators = counter(
            "gateway_silent_moderators_total", "held messages whose moderator did not answer within the budget"
        )
        self.forgotten_kicks = counter(
            "gateway_forgotten_kicks_total", "kicked accounts that a channel has forgotten before they joined again"
        )

    def _count_storage(self, meters: Meters) -> None:
        """What is kept: made durable, or let go to stay within a bound."""
        counter = meters.counter
        self.dropped_history = counter(
            "gateway_history_dropped_total", "notices that sessions can no more come back to, by whose bound", "whose"
        )
        self.cut_ledgers = counter(
            "gateway_ledger_cut_total", "events that a ledger forgot before they were old, by which bound", "bound"
        )
        self.commits = counter("gateway_commits_total", "batches that the store made durable")
        self.refused_changes = counter(
            "gateway_changes_refused_total", "requests and logins refused because the store has fallen too far behind"
        )
        self.store_errors = counter("gateway_store_errors_total", "batches that the store could not write")

    def _count_faults(self, meters: Meters) -> None:
        """Our own."""
        counter = meters.counter
        self.timer_errors = counter("gateway_timer_errors_total", "deadlines whose callback failed by our own fault")
        self.http_errors = counter("gateway_http_errors_total", "HTTP requests that failed by our own fault")
