"""Every exception that botkit raises, and the vendor's numbers.

The tree::

    BotkitError
    ├── ConfigError              a file or a command line says something that cannot be
    ├── HandlerError             a handler's signature does not fit, found when it is registered
    ├── HandlerTimeout           a handler took longer than it may, and was cancelled
    ├── ProtocolError            the peer sent a frame that is none
    ├── TransportError
    │   ├── ConnectFailed        no connection came about
    │   └── TransportClosed      the connection is over
    ├── SignalingError           the service said no, or cannot be asked: carries an ErrorCode
    │   ├── LoginFailed          200 to 209
    │   ├── SessionEnded         100 to 108: this session is over
    │   ├── JoinFailed           300
    │   ├── SendFailed           400, 401
    │   │   └── OutgoingQueueFull too much waits for the service's limits
    │   ├── QueryFailed          500, 501
    │   ├── LeaveFailed          600
    │   ├── InviteFailed         700 to 704
    │   │   └── InviteRefused    the invited peer said no
    │   ├── RequestFailed        1000 to 1003: any other request
    │   └── ParameterError       1004, 1005: refused here, before anything was sent
    ├── ActorError
    │   ├── ActorDead            the actor has stopped and takes no message
    │   ├── MailboxFull          the mailbox's policy is to fail
    │   ├── LinkBroken           an actor that this one was linked to has ended
    │   ├── NameTaken            the registry has another actor of this name
    │   └── RestartBudgetSpent   a supervisor gave up
    ├── SwapFailed               new code of a bot that runs cannot open what it needs
    ├── ConversationError        a bot has too many conversations, or too large a state
    └── StoreError               the store could not read or write

Facts are fields; the text is made from them.
"""

from enum import IntEnum

from botkit._codes import CODE_TEXTS, OBSOLETE_CODES


class ErrorCode(IntEnum):
    """The vendor's numbers. ``code.text`` says what one means, ``code.obsolete`` if it is never sent.

    The vendor's sources differ on whether ``QUERYUSERNUM_E_BYUSER`` is 501 or 502. Here 501 says that no answer to a
    query came, and 502, which would say that its user cancelled it, is obsolete.
    """

    SUCCESS = 0
    LOGOUT_E_OTHER = 100
    LOGOUT_E_USER = 101
    LOGOUT_E_NET = 102
    LOGOUT_E_KICKED = 103
    LOGOUT_E_PACKET = 104
    LOGOUT_E_TOKENEXPIRED = 105
    LOGOUT_E_OLDVERSION = 106
    LOGOUT_E_TOKENWRONG = 107
    LOGOUT_E_ALREADY_LOGOUT = 108
    LOGIN_E_OTHER = 200
    LOGIN_E_NET = 201
    LOGIN_E_FAILED = 202
    LOGIN_E_CANCEL = 203
    LOGIN_E_TOKENEXPIRED = 204
    LOGIN_E_OLDVERSION = 205
    LOGIN_E_TOKENWRONG = 206
    LOGIN_E_TOKEN_KICKED = 207
    LOGIN_E_ALREADY_LOGIN = 208
    LOGIN_E_INVALID_USER = 209
    JOINCHANNEL_E_OTHER = 300
    SENDMESSAGE_E_OTHER = 400
    SENDMESSAGE_E_TIMEOUT = 401
    QUERYUSERNUM_E_OTHER = 500
    QUERYUSERNUM_E_TIMEOUT = 501
    QUERYUSERNUM_E_BYUSER = 502
    LEAVECHANNEL_E_OTHER = 600
    LEAVECHANNEL_E_KICKED = 601
    LEAVECHANNEL_E_BYUSER = 602
    LEAVECHANNEL_E_LOGOUT = 603
    LEAVECHANNEL_E_DISCONN = 604
    INVITE_E_OTHER = 700
    INVITE_E_REINVITE = 701
    INVITE_E_NET = 702
    INVITE_E_PEEROFFLINE = 703
    INVITE_E_TIMEOUT = 704
    INVITE_E_CANTRECV = 705
    GENERAL_E = 1000
    GENERAL_E_FAILED = 1001
    GENERAL_E_UNKNOWN = 1002
    GENERAL_E_NOT_LOGIN = 1003
    GENERAL_E_WRONG_PARAM = 1004
    GENERAL_E_LARGE_PARAM = 1005

    @property
    def text(self) -> str:
        """What the code means, in one clause."""
        return CODE_TEXTS[int(self)]

    @property
    def obsolete(self) -> bool:
        """True for the codes that the vendor's list keeps but that nothing sends any more."""
        return int(self) in OBSOLETE_CODES


class BotkitError(Exception):
    """The root: ``except BotkitError`` catches all that botkit itself raises."""


class ConfigError(BotkitError):
    """Configuration that cannot be used.

    ``file`` and ``key`` name the place (either may be empty when there is none), ``problem`` says what is
    wrong there, ``hint`` what would be right.
    """

    def __init__(self, problem: str, *, file: str = "", key: str = "", hint: str = "") -> None:
        self.problem, self.file, self.key, self.hint = problem, file, key, hint
        super().__init__(problem)

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.key) if part)
        text = f"{place}: {self.problem}" if place else self.problem
        return f"{text}; {self.hint}" if self.hint else text


class HandlerError(BotkitError):
    """A handler does not fit the event that it was registered for."""

    def __init__(self, function: str, file: str, line: int, problem: str) -> None:
        self.function, self.file, self.line, self.problem = function, file, line, problem
        super().__init__(problem)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: handler {self.function}(): {self.problem}"


class HandlerTimeout(BotkitError):
    """A handler was cancelled after ``seconds``; what it had begun by then may be half done."""

    def __init__(self, function: str, seconds: float) -> None:
        self.function, self.seconds = function, seconds
        super().__init__(f"handler {function}() took longer than its timeout of {seconds:g} s")


class ProtocolError(BotkitError):
    """The peer's mistake on the wire. ``field`` names the place in the frame, e.g. ``call2[2].name``."""

    def __init__(self, problem: str, *, field: str = "frame") -> None:
        self.problem, self.field = problem, field
        super().__init__(problem)

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class TransportError(BotkitError):
    """The connection under a session failed."""


class ConnectFailed(TransportError):
    """No connection to ``address`` came about; ``reason`` is the system's or the peer's word for why."""

    def __init__(self, address: str, reason: str) -> None:
        self.address, self.reason = address, reason
        super().__init__(f"cannot connect to {address}: {reason}; is a gateway listening there?")


class TransportClosed(TransportError):
    """The connection is over. ``code`` is the WebSocket close code, 1006 when there was none."""

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        self.code, self.reason = code, reason
        super().__init__(f"connection closed with {code}" + (f": {reason}" if reason else ""))


class SignalingError(BotkitError):
    """The service refused, or could not be asked. ``code`` is the vendor's number, ``reason`` the words."""

    def __init__(self, code: ErrorCode, reason: str = "") -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"{int(self.code)} {self.code.name}: {self.reason or self.code.text}"


class LoginFailed(SignalingError):
    """The login was refused or did not get through (200 to 209)."""


class SessionEnded(SignalingError):
    """The session is over (100 to 108); log in again to go on."""


class JoinFailed(SignalingError):
    """The channel was not joined (300)."""


class SendFailed(SignalingError):
    """The message was refused (400), or no answer came in time (401): then it may have been sent."""


class OutgoingQueueFull(SendFailed):
    """Too much waits for the service's limits; nothing was sent (400).

    ``account`` has ``waiting`` messages or changes that wait in ``lane``, which is as many as may. Send less, or catch
    this and drop what is not worth waiting for.
    """

    def __init__(self, account: str, lane: str, waiting: int) -> None:
        self.account, self.lane, self.waiting = account, lane, waiting
        reason = f"{waiting} messages of {account} wait in the lane {lane}; nothing was sent"
        super().__init__(ErrorCode.SENDMESSAGE_E_OTHER, reason)


class QueryFailed(SignalingError):
    """The question was refused (500), or no answer came in time (501)."""


class LeaveFailed(SignalingError):
    """The channel was not left (600)."""


class InviteFailed(SignalingError):
    """The invitation failed (700 to 704)."""


class InviteRefused(InviteFailed):
    """The invited peer declined; ``extra`` is what it said: JSON, or empty. There is no code for it but 700."""

    def __init__(self, extra: str = "") -> None:
        self.extra = extra
        super().__init__(ErrorCode.INVITE_E_OTHER, f"refused by the peer: {extra}" if extra else "refused by the peer")


class RequestFailed(SignalingError):
    """A request failed that has no range of codes of its own (1000 to 1003)."""


class ParameterError(SignalingError):
    """A parameter is wrong (1004) or too large (1005); nothing was sent. ``parameter`` names it."""

    def __init__(self, parameter: str, reason: str, code: ErrorCode = ErrorCode.GENERAL_E_WRONG_PARAM) -> None:
        self.parameter = parameter
        super().__init__(code, f"{parameter}: {reason}")


class ActorError(BotkitError):
    """A message could not be handed to an actor, or an actor could not go on."""


class ActorDead(ActorError):
    """The actor named ``actor`` has stopped; it takes no more messages and answers none."""

    def __init__(self, actor: str) -> None:
        self.actor = actor
        super().__init__(f"actor {actor} has stopped")


class MailboxFull(ActorError):
    """The mailbox of ``actor`` holds ``capacity`` messages and its policy is to fail."""

    def __init__(self, actor: str, capacity: int) -> None:
        self.actor, self.capacity = actor, capacity
        super().__init__(f"mailbox of {actor} is full ({capacity} messages)")


class LinkBroken(ActorError):
    """``actor`` ends since ``other``, to which it was linked, has ended: with ``error``, or had none and was killed."""

    def __init__(self, actor: str, other: str, error: Exception | None = None) -> None:
        self.actor, self.other, self.error = actor, other, error
        why = f": {type(error).__name__}: {error}" if error is not None else ""
        super().__init__(f"{actor} ends with {other}, to which it is linked{why}")
        self.__cause__ = error


class NameTaken(ActorError):
    """A registry has an actor of this name already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is an actor {name!r} already; names are unique within a registry")


class RestartBudgetSpent(ActorError):
    """``child`` of ``supervisor`` ended ``restarts`` times within ``period`` seconds: it is given up."""

    def __init__(self, supervisor: str, child: str, restarts: int, period: float) -> None:
        self.supervisor, self.child, self.restarts, self.period = supervisor, child, restarts, period
        super().__init__(
            f"supervisor {supervisor} gives up: {child} was restarted {restarts} times within {period:g} s"
        )


class SwapFailed(BotkitError):
    """The code of a bot that runs cannot be exchanged: what the new version needs cannot be opened. The old goes on."""

    def __init__(self, bot: str, problem: str) -> None:
        self.bot, self.problem = bot, problem
        super().__init__(f"bot {bot} keeps its code: {problem}")


class ConversationError(BotkitError):
    """The ``kind`` of conversation with ``account`` in ``channel`` (empty: in private) could not be kept as asked."""

    def __init__(self, kind: str, account: str, channel: str, problem: str) -> None:
        self.kind, self.account, self.channel, self.problem = kind, account, channel, problem
        super().__init__(f"conversation {kind} with {account}{f' in {channel}' if channel else ''}: {problem}")


class StoreError(BotkitError):
    """The store at ``url`` could not do what was asked."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: {problem}")
