"""What a session counts: everything that it bounds, drops or ignores."""

import msgspec
from msgspec import Struct


class Counters(Struct):
    """The running counts of one session, over all of its connections."""

    frames_sent: int = 0
    frames_received: int = 0
    connections: int = 0
    connections_lost: int = 0
    protocol_errors: int = 0
    pongs_missed: int = 0
    times_blocked: int = 0
    requests_timed_out: int = 0
    requests_refused: int = 0
    answers_ignored: int = 0
    notices_ignored: int = 0
    messages_repeated: int = 0
    call_messages_ignored: int = 0
    calls_refused: int = 0
    digits_dropped: int = 0
    events_dropped: int = 0


class SessionStatistics(Struct, frozen=True, kw_only=True):
    """A snapshot of a session's counts and levels.

    ``connections`` and ``connections_lost``: how often it logged in, and lost the connection afterwards.
    ``protocol_errors``: connections given up because the gateway sent what is no frame.
    ``pongs_missed``: connections given up because no pong came. ``times_blocked``: how often something held up the
    whole process, so that the session could neither ping nor hear.
    ``requests_timed_out``: requests without an answer in time. ``requests_refused``: those that were
    over ``max_requests``. ``answers_ignored``: answers to nothing that was asked.
    ``notices_ignored``: notices of a channel that this session has left, seen before, or of an unknown kind.
    ``messages_repeated``: inbox messages that came again and were dropped.
    ``call_messages_ignored``: late or illegal messages about calls. ``calls_refused``: invitations over ``max_calls``.
    ``digits_dropped``, ``events_dropped``: what a full buffer did not take.
    ``events_waiting``, ``requests_waiting``, ``calls_open``: how many there are now.
    """

    frames_sent: int
    frames_received: int
    connections: int
    connections_lost: int
    protocol_errors: int
    pongs_missed: int
    times_blocked: int
    requests_timed_out: int
    requests_refused: int
    answers_ignored: int
    notices_ignored: int
    messages_repeated: int
    call_messages_ignored: int
    calls_refused: int
    digits_dropped: int
    events_dropped: int
    events_waiting: int
    requests_waiting: int
    calls_open: int


def snapshot(counters: Counters, *, events_waiting: int, requests_waiting: int, calls_open: int) -> SessionStatistics:
    """The counts as they are now."""
    return SessionStatistics(
        **msgspec.structs.asdict(counters),
        events_waiting=events_waiting,
        requests_waiting=requests_waiting,
        calls_open=calls_open,
    )
